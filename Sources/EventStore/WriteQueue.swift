package import Events
import Synchronization

/// The writes that wait, within limits, and the state of the writer: awake or asleep.
package final class WriteQueue: Sendable {
    private struct Waiting {
        var writes: [Write] = []
        var events = 0
        var bytes = 0
        var isWriterAwake = false
        var isClosed = false
    }

    /// The outcome of adding a write.
    package enum Verdict {
        /// The writer will take it.
        case waits
        /// It waits, and the writer must be woken.
        case wakes
        case isFull
        case isClosed
    }

    private let eventLimit, byteLimit: Int
    private let waiting = Mutex(Waiting())

    package init(events: Int, bytes: Int) {
        eventLimit = events
        byteLimit = bytes
    }

    /// The events and bytes that wait.
    package var held: (events: Int, bytes: Int) { waiting.withLock { ($0.events, $0.bytes) } }

    /// Adds `write` if there is space for it.
    package func add(_ write: Write) -> Verdict {
        let events = write.eventCount
        let bytes = write.byteCount
        return waiting.withLock { waiting in
            guard !waiting.isClosed else { return .isClosed }
            // A request that is larger than the limit itself gets its turn when the queue is empty.
            guard
                waiting.events == 0
                    || (waiting.events + events <= eventLimit && waiting.bytes + bytes <= byteLimit)
            else { return .isFull }
            waiting.writes.append(write)
            waiting.events += events
            waiting.bytes += bytes
            defer { waiting.isWriterAwake = true }
            return waiting.isWriterAwake ? .waits : .wakes
        }
    }

    /// Everything that waits, up to `eventLimit` events or `byteLimit` bytes and the rest of the last
    /// request; nil if the queue is empty.
    package func take(upTo eventLimit: Int, bytes byteLimit: Int = .max) -> [Write]? {
        waiting.withLock { waiting in
            guard !waiting.writes.isEmpty else { return nil }
            var (events, bytes) = (0, 0)
            var end = 0
            while end < waiting.writes.count, events < eventLimit, bytes < byteLimit {
                events += waiting.writes[end].eventCount
                bytes += waiting.writes[end].byteCount
                end += 1
            }
            waiting.events -= events
            waiting.bytes -= bytes
            let taken = Array(waiting.writes[..<end])
            waiting.writes.removeFirst(end)
            return taken
        }
    }

    /// Notes that the writer goes to sleep; false if something waits after all.
    package func sleep() -> Bool {
        waiting.withLock { waiting in
            guard waiting.writes.isEmpty else { return false }
            waiting.isWriterAwake = false
            return true
        }
    }

    /// Refuses all later writes.
    package func close() { waiting.withLock { $0.isClosed = true } }
}

/// A request to the writer and its reply.
package enum Write: Sendable {
    package typealias Reply<Value> = @Sendable (Result<Value, StoreError>) -> Void

    case append([Event], allOrNothing: Bool, Reply<[AppendOutcome]>)
    case delete(id: [UInt8], Reply<Bool>)
    case observe(source: String, upTo: Timestamp, Reply<Void>)

    /// The number of events; anything else counts as one.
    package var eventCount: Int {
        if case .append(let events, _, _) = self { events.count } else { 1 }
    }

    package var isDeletion: Bool { if case .delete = self { true } else { false } }

    /// The bytes that it keeps in memory while it waits.
    package var byteCount: Int {
        switch self {
        case .append(let events, _, _): events.reduce(0) { $0 + $1.byteCount }
        case .delete(let id, _): id.count
        case .observe(let source, _, _): source.utf8.count
        }
    }

    /// Replies that it failed.
    package func fail(_ error: StoreError) {
        switch self {
        case .append(_, _, let reply): reply(.failure(error))
        case .delete(_, let reply): reply(.failure(error))
        case .observe(_, _, let reply): reply(.failure(error))
        }
    }
}
