import EventStore
import HTTPClient
import Ingest

/// The reason that a list or a watch ended early.
enum WatchError: Error {
    /// The server no longer knows the position, or does not know it yet.
    case stale(SourceReport.Relist)
    case trouble(Trouble)
    case stopped
}

/// Trouble that may pass, if only because somebody fixes it.
struct Trouble {
    /// Its kind, for the metrics.
    let kind: SourceReport.Failure
    /// A sentence for people.
    let text: String
    /// The wait that the server requests.
    var retryAfter: Duration?

    init(_ kind: SourceReport.Failure, _ text: String, retryAfter: Duration? = nil) {
        self.kind = kind
        self.text = text
        self.retryAfter = retryAfter
    }
}

extension WatchError {
    /// A missing or incomplete answer.
    init(_ error: HTTPClientError) {
        let kind: SourceReport.Failure =
            switch error.kind {
            case .unreachable: .unreachable
            case .timedOut: .timeout
            case .untrusted, .exposedToken, .unusable: .unusable
            case .cancelled: .unreachable
            }
        self = error.kind == .cancelled ? .stopped : .trouble(Trouble(kind, error.description))
    }

    /// A store that refused.
    init(_ error: StoreError) {
        let reason =
            switch error {
            case .unavailable(let text), .unsupported(let text): text
            case .timeLimit: "reading takes too long"
            case .damaged: "the database is damaged"
            }
        self = .trouble(Trouble(.store, "the store takes no events: \(reason)"))
    }

    /// Runs `body` and converts its errors.
    static func reaching<Result>(
        _ body: () throws(HTTPClientError) -> Result
    ) throws(WatchError) -> Result {
        do throws(HTTPClientError) { return try body() } catch { throw WatchError(error) }
    }
}
