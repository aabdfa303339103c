import EventStore
import Events

/// What somebody asked the writer for, with where the reply goes.
enum Write {
    typealias Reply<Value> = @Sendable (Result<Value, StoreError>) -> Void

    case append([Event], allOrNothing: Bool, Reply<[AppendOutcome]>)
    case delete(id: [UInt8], Reply<Bool>)
    case observe(source: String, upTo: Timestamp, Reply<Void>)

    /// Events that it holds; anything else counts as one.
    var eventCount: Int { if case .append(let events, _, _) = self { events.count } else { 1 } }

    var isDeletion: Bool { if case .delete = self { true } else { false } }

    /// Bytes that it keeps in memory while it waits.
    var byteCount: Int {
        switch self {
        case .append(let events, _, _): events.reduce(0) { $0 + $1.byteCount }
        case .delete(let id, _): id.count
        case .observe(let source, _, _): source.utf8.count
        }
    }

    /// Replies that it was not done.
    func fail(_ error: StoreError) {
        switch self {
        case .append(_, _, let reply): reply(.failure(error))
        case .delete(_, let reply): reply(.failure(error))
        case .observe(_, _, let reply): reply(.failure(error))
        }
    }
}
