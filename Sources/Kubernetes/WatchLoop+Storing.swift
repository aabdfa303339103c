import Dispatch
import EventStore
import Events
import Ingest
import JSON
import Logging
import Synchronization
import System

/// Events to be stored in one commit.
struct Batch {
    private(set) var events: [Event] = []
    private var bytes = 0
    private var begun: ContinuousClock.Instant?
    /// The version up to which everything is stored once they are.
    var position: UInt64?

    mutating func add(_ event: Event) {
        if events.isEmpty { begun = .now }
        events.append(event)
        bytes += event.byteCount
    }

    var isFull: Bool {
        events.count >= WatchConfiguration.batchEvents || bytes >= WatchConfiguration.batchBytes
    }

    /// The time left to wait for further events; nil if it has no events or their time is over.
    var timeLeft: Duration? {
        guard let begun, !events.isEmpty else { return nil }
        let rest = begun + WatchConfiguration.batchTime - .now
        return rest > .zero ? rest : nil
    }
}

/// A reply for which a thread waits.
final class Reply<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let isThere = DispatchSemaphore(value: 0)

    func give(_ value: Value) {
        self.value.withLock { $0 = value }
        isThere.signal()
    }

    func wait() -> Value {
        isThere.wait()
        guard let value = value.withLock({ $0 }) else {
            preconditionFailure("a reply is given before it is signaled")
        }
        return value
    }
}

extension WatchLoop {
    // MARK: Events

    /// Adds an Event object to the batch, and stores the batch when it is full. An invalid object
    /// affects no other.
    ///
    /// - Parameter isNew: true if it has just happened.
    func add(_ object: UnsafeRawBufferPointer, isNew: Bool = false) throws(WatchError) {
        let now = clock.wall()
        var reader = JSONReader(object)
        do throws(JSONError) {
            switch try KubernetesEvent.decode(
                &reader, now: now, cluster: configuration.cluster,
                redaction: configuration.redaction)
            {
            case .event(let event):
                batch.add(event)
                if isNew { noteLag(of: event, now) }
            case .invalid(let errors): skip(.invalid, 1, errors.first?.detail)
            }
        } catch {
            skip(.invalid, 1, "\(error)")
        }
        if batch.isFull { try commit() }
    }

    private func noteLag(of event: Event, _ now: Timestamp) {
        guard let text = event.text(.createdAt), let time = Timestamp(rfc3339: text.utf8) else {
            return
        }
        watcher.update { $0.lag = .milliseconds(now.milliseconds - time.milliseconds) }
    }

    /// Counts events that are not stored, and logs the first for each reason.
    func skip(_ reason: SourceReport.Skip, _ count: Int, _ detail: String? = nil) {
        guard count > 0 else { return }
        watcher.update { report in
            if report.skipped[reason] == nil {
                logger.warning(
                    "A Kubernetes event was not stored (the first for this reason): \(reason.rawValue)\(detail.map { ", \($0)" } ?? "")"
                )
            }
            report.skipped[reason, default: 0] += count
        }
    }

    /// Stores the batch, and moves the position.
    func commit() throws(WatchError) {
        let taken = batch
        batch = Batch()
        if !taken.events.isEmpty {
            let outcomes = try store(taken.events)
            let stored = outcomes.count { if case .stored = $0 { true } else { false } }
            watcher.update { report in
                report.stored += stored
                report.duplicates += outcomes.count - stored
            }
        }
        guard let position = taken.position else { return }
        self.position = position
        watcher.update { $0.position = position }
    }

    private func store(_ events: [Event]) throws(WatchError) -> [AppendOutcome] {
        let reply = Reply<AppendResult>()
        watcher.repository.append(events) { reply.give($0) }
        switch reply.wait() {
        case .success(let outcomes): return outcomes
        case .failure(let error): throw WatchError(error)
        }
    }

    // MARK: Gaps

    /// Notes that everything up to `moment` has arrived, and has the store keep that now and then.
    func observe(_ moment: Timestamp) {
        observed = moment
        let next = (keptObserved?.milliseconds).map {
            $0 + WatchConfiguration.observationInterval.inMilliseconds
        }
        if moment.milliseconds >= next ?? .min { keepObserved() }
        watcher.update { $0.observed = moment }
    }

    /// Has the store keep the time up to which everything has arrived.
    func keepObserved() {
        guard let observed, observed != keptObserved else { return }
        // If it fails, the next gap on record may be too long.
        keptObserved = observed
        let reply = Reply<Result<Void, StoreError>>()
        watcher.repository.noteObserved(configuration.observedName, upTo: observed) {
            reply.give($0)
        }
        if case .failure(let error) = reply.wait() {
            logger.debug("The store did not keep how far \(configuration.name) has come: \(error)")
        }
    }

    /// Reads the time up to which an earlier process had everything.
    func readObserved() throws(WatchError) -> Timestamp? {
        let reply = Reply<Result<Timestamp?, StoreError>>()
        let name = configuration.observedName
        let request = ReadRequest(client: 0, limit: watcher.repository.readBudgets.elsewhere)
        let isTaken = watcher.repository.readElsewhere(for: request) { result in
            reply.give(
                Result { () throws(StoreError) in try result.get().observedAt(source: name) })
        }
        guard isTaken else { throw WatchError(StoreError.tooManyReads) }
        switch reply.wait() {
        case .success(let moment): return moment
        case .failure(let error): throw WatchError(error)
        }
    }

    /// Stores an event about missing events if nobody watched for longer than the server keeps
    /// them.
    func recordGap(before listed: Timestamp) throws(WatchError) {
        guard let observed,
            let missing = MissingEvents(
                observed: observed, listed: listed, ttl: configuration.eventTTL)
        else { return }
        let event = missing.event(configuration)
        _ = try store([event])
        logger.warning("\(event.text(.title) ?? "")")
        watcher.update { report in
            report.gaps += 1
            report.lastGap = missing.length
        }
    }
}
