public import Events
import JSON
import Synchronization

/// Takes the events of one request as they are read, and stores them in pieces, so that memory does
/// not grow with the number of items in a body.
///
/// `add` is for one thread at a time.
public final class SenderBatch: Sendable {
    /// Events to store, and the index of each among the request's items.
    public struct Piece: Sendable {
        /// The events.
        public fileprivate(set) var events: [Event] = []
        fileprivate var indexes: [Int] = []
        fileprivate var bytes = 0
    }

    /// What became of an event in the store.
    public enum Stored: Sendable {
        case new
        case duplicate
    }

    /// What happened to an item on its way to the store.
    public enum Notice: Sendable {
        case rejected(SenderFailure.Status)
        /// It was longer than an event may be.
        case cut
        /// Its severity is below the least.
        case leftOut
    }

    private struct State {
        var piece = Piece()
        var outcome = SenderOutcome()
        /// The bytes that are repeated in each event, so far.
        var repeated = 0
        /// How often a hash of content occurred in this request.
        var occurrences: [UInt64: Int] = [:]
    }

    /// The time of events without one.
    public let now: Timestamp
    /// The options for reading events.
    public let options: IngestOptions
    private let leastSeverity: Severity?
    private let listsItems: Bool
    private let tell: @Sendable (Notice) -> Void
    private let store: @Sendable (SenderBatch, Piece) -> Void
    private let state = Mutex(State())

    /// A piece is stored once it has as many events, or as many bytes of them.
    private static let mostEvents = 2048
    private static let mostBytes = 1024 * 1024
    /// The most bytes that the events of a request repeat.
    static let mostRepeated = 128 * 1024 * 1024
    /// The most hashes that are counted before counting starts over.
    private static let mostHashes = 65_536

    /// Creates an empty batch.
    ///
    /// - Parameters:
    ///   - leastSeverity: events below it are left out.
    ///   - listsItems: true if the outcome lists each item.
    ///   - tell: counts what happens to an item.
    ///   - store: stores a piece. It may wait, so that a fast reader does not outrun the store.
    public init(
        now: Timestamp, _ options: IngestOptions, leastSeverity: Severity? = nil,
        listsItems: Bool = false,
        tell: @escaping @Sendable (Notice) -> Void = { _ in },
        store: @escaping @Sendable (SenderBatch, Piece) -> Void
    ) {
        self.now = now
        self.options = options
        self.leastSeverity = leastSeverity
        self.listsItems = listsItems
        self.tell = tell
        self.store = store
    }

    /// Takes the next item.
    ///
    /// - Parameter isCut: true if it was longer than an event may be.
    func add(_ item: Ingested, isCut: Bool = false) {
        let full: Piece? = state.withLock { state in
            switch item {
            case .event(let event): add(event, isCut: isCut, &state)
            case .invalid(let errors): reject(errors.sentence, .invalid, &state)
            case .nothing: note(.leftOut, &state)
            }
            guard
                state.piece.events.count >= Self.mostEvents || state.piece.bytes >= Self.mostBytes
            else { return nil }
            return take(&state)
        }
        if let full { store(self, full) }
    }

    /// Adds a Kubernetes Event with the id that the watcher gives it.
    ///
    /// - Parameters:
    ///   - event: an object for which `KubernetesFormat.isEvent` is true.
    ///   - cluster: the cluster, if the event does not name one; nil for that of `options`.
    func addKubernetes(_ event: OutermostMembers, cluster: String? = nil) {
        var options = options
        if let cluster { options.cluster = cluster }
        do throws(JSONError) {
            _ = try KubernetesFormat.read(event, now: now, options) { add($0) }
        } catch {
            preconditionFailure("what was read as JSON is JSON")
        }
    }

    /// Counts an item that cannot be stored; `detail` is a phrase.
    func reject(_ detail: String, _ status: SenderFailure.Status = .invalid) {
        state.withLock { reject(detail, status, &$0) }
    }

    /// Stores what is left.
    public func flush() {
        let rest = state.withLock { take(&$0) }
        if !rest.events.isEmpty { store(self, rest) }
    }

    /// Notes what became of the events of `piece`.
    public func note(_ outcomes: [Stored], of piece: Piece) {
        state.withLock { state in
            for (outcome, index) in zip(outcomes, piece.indexes) {
                switch outcome {
                case .new: state.outcome.accepted += 1
                case .duplicate: state.outcome.duplicates += 1
                }
                if listsItems {
                    state.outcome.items[index] = outcome == .new ? .stored : .duplicate
                }
            }
        }
    }

    /// The outcome so far.
    public var outcome: SenderOutcome { state.withLock(\.outcome) }

    /// Takes room for `bytes` that all records of the request share and this one repeats; false if
    /// there is none, so that a small body cannot fill a disk.
    func takeRoom(forRepeated bytes: Int) -> Bool {
        state.withLock { state in
            guard state.repeated + bytes <= Self.mostRepeated else { return false }
            state.repeated += bytes
            return true
        }
    }

    /// Counts items of this content in the request: 1 for the first.
    ///
    /// A stream may be endless, so counting starts over after 65,536 different contents.
    func occurrence(ofContent hash: UInt64) -> Int {
        state.withLock { state in
            if state.occurrences.count >= Self.mostHashes { state.occurrences = [:] }
            state.occurrences[hash, default: 0] += 1
            return state.occurrences[hash, default: 1]
        }
    }

    private func add(_ event: Event, isCut: Bool, _ state: inout State) {
        if let leastSeverity,
            let severity = event.text(.severity).flatMap(Severity.init(rawValue:)),
            severity.rank < leastSeverity.rank
        {
            state.outcome.leftOut += 1
            tell(.leftOut)
            return note(.leftOut, &state)
        }
        if isCut { tell(.cut) }
        state.piece.events.append(event)
        state.piece.indexes.append(state.outcome.count)
        state.piece.bytes += event.byteCount
        note(.stored, &state)
    }

    private func reject(
        _ detail: String, _ status: SenderFailure.Status, _ state: inout State
    ) {
        state.outcome.rejected += 1
        tell(.rejected(status))
        if state.outcome.rejections.count < SenderOutcome.listedRejections {
            state.outcome.rejections.append(.init(index: state.outcome.count, detail: detail))
        }
        note(.rejected, &state)
    }

    private func note(_ item: SenderOutcome.Item, _ state: inout State) {
        if listsItems { state.outcome.items.append(item) }
        state.outcome.count += 1
    }

    private func take(_ state: inout State) -> Piece {
        defer { state.piece = Piece() }
        return state.piece
    }
}

extension Severity {
    /// Its place in rising order.
    fileprivate var rank: Int { Self.allCases.firstIndex(of: self)! }
}
