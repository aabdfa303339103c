import EventStore
import Events
import HTTPClient
import Ingest
import JSON
import Logging

/// Does the work of a watcher on its own thread: lists, watches, and recovers from errors.
final class WatchLoop {
    let watcher: EventWatcher
    /// The version up to which everything is stored; nil if all events must be listed.
    var position: UInt64?
    /// The list in progress.
    var listing: Listing?
    /// Events that are not stored yet.
    var batch = Batch()
    /// True if the server may be behind the position, so it must be asked before the next watch.
    var mustLook = false
    /// The time up to which everything has arrived, and the last such time that the store keeps.
    var observed: Timestamp?
    var keptObserved: Timestamp?
    var hasReadObserved = false
    private var backoff = Backoff()
    private var isTokenRetried = false
    private var lastWatch: Duration?
    private var lastRelist: Duration?
    /// The trouble last logged; nil while all is well.
    private var toldTrouble: String?
    private var hasTold = false

    init(_ watcher: EventWatcher) { self.watcher = watcher }

    var configuration: WatchConfiguration { watcher.configuration }
    var clock: WatchClock { watcher.clock }
    var logger: Logger { watcher.logger }

    /// Runs until it is canceled.
    func run() {
        watcher.update { $0.relists[.start] = 1 }
        while !watcher.cancellation.isCancelled {
            do throws(WatchError) {
                if position == nil { try list() }
                if let position { try watch(from: position) }
            } catch {
                recover(from: error)
            }
        }
        keepObserved()
        setState(.stopped)
    }

    // MARK: Trouble

    private func recover(from error: WatchError) {
        // The server sends it again.
        batch = Batch()
        switch error {
        case .stopped: break
        case .stale(let reason):
            logger.debug("Kubernetes events are listed again: \(reason.rawValue)")
            watcher.update { $0.relists[reason, default: 0] += 1 }
            position = nil
            listing = nil
            pause(since: lastRelist, atLeast: WatchConfiguration.relistInterval)
            lastRelist = clock.monotonic()
        case .trouble(let trouble):
            watcher.update { $0.errors[trouble.kind, default: 0] += 1 }
            mustLook = true
            // The token may have been replaced.
            if trouble.kind == .status401, !isTokenRetried {
                isTokenRetried = true
                return
            }
            tell(trouble)
            pause(wait(after: trouble))
        }
    }

    private func wait(after trouble: Trouble) -> Duration {
        if trouble.kind == .status403 { return WatchConfiguration.forbiddenPause }
        let wait = backoff.next(at: clock.monotonic())
        return trouble.retryAfter.map { max(.seconds(1), $0) } ?? wait
    }

    private func tell(_ trouble: Trouble) {
        let now = clock.wall()
        watcher.update { $0.lastError = (trouble.text, now) }
        setState(.waiting)
        guard toldTrouble != trouble.text else { return }
        toldTrouble = trouble.text
        logger.warning("\(name) are not watched: \(trouble.text)")
    }

    private var name: String {
        "Kubernetes events" + (configuration.namespace.map { " of the namespace \($0)" } ?? "")
    }

    func setState(_ state: SourceReport.State) {
        let now = clock.wall()
        watcher.update { report in
            guard report.state != state else { return }
            report.state = state
            report.since = now
        }
        guard state == .watching, toldTrouble != nil || !hasTold else { return }
        toldTrouble = nil
        hasTold = true
        logger.notice(
            "\(name) are watched at \(configuration.server.address), from version \(position ?? 0)")
    }

    // MARK: Time

    private func pause(_ time: Duration) {
        if time > .zero { clock.pause(time, watcher.cancellation) }
    }

    /// Waits until `time` has passed since `moment`.
    private func pause(since moment: Duration?, atLeast time: Duration) {
        if let moment { pause(moment + time - clock.monotonic()) }
    }

    /// Keeps watches that end at once from starting too often.
    func paceWatches() {
        pause(since: lastWatch, atLeast: WatchConfiguration.watchInterval)
        lastWatch = clock.monotonic()
    }

    // MARK: Requests

    /// Makes a client for one connection, with the current token and authorities.
    func makeClient() throws(WatchError) -> HTTPClient {
        try WatchError.reaching { () throws(HTTPClientError) in
            try configuration.server.client(
                userAgent: configuration.userAgent, cancellation: watcher.cancellation)
        }
    }

    /// Requests `target`. Returns the connection with the body of a 200, or else the refusal.
    func get(
        _ client: HTTPClient, _ target: String, within time: Duration
    ) throws(WatchError) -> Result<HTTPConnection, Refusal> {
        let (connection, head) = try WatchError.reaching { () throws(HTTPClientError) in
            try client.open("GET", target, headers: [("Accept", "application/json")], within: time)
        }
        guard head.status == 200 else { return .failure(Refusal(head, connection)) }
        if let coding = head["content-encoding"], coding != "identity" {
            throw .trouble(
                Trouble(
                    .unusable,
                    "the answer is compressed (\(coding)), but Logbook did not ask for that"))
        }
        isTokenRetried = false
        return .success(connection)
    }

    /// Replaces `piece` with the next piece of an answer; false at its end.
    func receive(
        _ connection: HTTPConnection, _ piece: inout [UInt8]
    ) throws(WatchError) -> Bool {
        piece.removeAll(keepingCapacity: true)
        do throws(HTTPClientError) {
            return try connection.receivePiece(to: &piece)
        } catch {
            throw WatchError(error)
        }
    }
}

/// An answer other than 200.
struct Refusal: Error {
    let status: Int
    /// The API server's own sentence; nil if something else answered.
    let message: String?
    /// The token that continues an expired list, from a later version
    /// (kubernetes.io/docs/reference/using-api/api-concepts).
    let next: String?
    private let retryAfter: Duration?

    private static let bodyBytes = 64 * 1024
    private static let messageScalars = 1000

    init(_ head: HTTPConnection.Head, _ connection: HTTPConnection) {
        status = head.status
        var body: [UInt8] = []
        do throws(HTTPClientError) {
            body = try connection.receiveBody(limit: Self.bodyBytes)
        } catch {
            // The status says enough.
        }
        message = JSONMember.text("message", in: body).map {
            String($0.unicodeScalars.prefix(Self.messageScalars))
        }
        next = JSONMember.text("metadata", "continue", in: body).flatMap { $0.isEmpty ? nil : $0 }
        retryAfter = head["retry-after"].flatMap { Int($0) }.map {
            .seconds(min(max($0, 0), Int(WatchConfiguration.longestRetryAfter.components.seconds)))
        }
    }

    /// The trouble that this is, unless the caller knows better.
    var trouble: WatchError {
        let text =
            status == 403
            ? message : message.map { "the API server answers \(status): \($0)" }
        return .trouble(
            Trouble(
                SourceReport.Failure(status: status),
                text ?? "the answer, a \(status), is not from an API server",
                retryAfter: [429, 503, 504].contains(status) ? retryAfter : nil))
    }
}
