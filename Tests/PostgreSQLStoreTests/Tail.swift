import EventStore
import Events
import Synchronization
import TestSupport

/// A client of a live stream: it reads from its position on whenever a commit is told.
final class Tail: Sendable {
    /// An event as a tail sees it.
    struct Seen: Equatable, Sendable {
        let seq: Int64
        let id: String
    }

    private struct State {
        var position: Int64
        var seen: [Seen] = []
        var isReading = false
        var failures: [String] = []
        var waiting: [(seq: Int64, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let repository: any EventRepository
    private let client: UInt64
    private let state: Mutex<State>

    /// Follows `repository` from after `position` on.
    init(_ repository: any EventRepository, client: UInt64, after position: Int64 = 0) {
        self.repository = repository
        self.client = client
        state = Mutex(State(position: position))
        repository.commits.subscribe { [weak self] in self?.wake() }
        wake()
    }

    /// What was seen, in order.
    var seen: [Seen] { state.withLock(\.seen) }

    /// Reads that failed; the next commit repeats them.
    var failures: [String] { state.withLock(\.failures) }

    /// Waits until everything up to `seq` was read.
    func reach(_ seq: Int64) async {
        await withCheckedContinuation { continuation in
            state.withLock { $0.waiting.append((seq, continuation)) }
            tell()
            wake()
        }
    }

    private func tell() {
        let reached = state.withLock { state in
            defer { state.waiting.removeAll { $0.seq <= state.position } }
            return state.waiting.filter { $0.seq <= state.position }
        }
        for (_, continuation) in reached { continuation.resume() }
    }

    private func wake() {
        let last = repository.commits.lastSeq
        let begun = state.withLock { state -> Int64? in
            guard !state.isReading, last > state.position else { return nil }
            state.isReading = true
            return state.position + 1
        }
        guard let begun else { return }
        let request = ReadRequest(client: client, limit: .seconds(60))
        let isTaken = repository.readElsewhere(for: request) { [self] result in
            var seen: [Seen] = []
            let read = Result {
                try result.get().follow(.all, begun...last, budget: .seconds(60)) { event in
                    seen.append(
                        Seen(seq: event.seq, id: String(decoding: event[.id]!, as: UTF8.self)))
                    return true
                } ?? last
            }
            end(read, seen)
        }
        if !isTaken { end(.failure(StoreError.tooManyReads), []) }
    }

    private func end(_ read: Result<Int64, any Error>, _ seen: [Seen]) {
        state.withLock { state in
            state.isReading = false
            switch read {
            case .success(let position):
                state.position = position
                state.seen += seen
            case .failure(let error): state.failures.append("\(error)")
            }
        }
        tell()
        if case .success = read { wake() }
    }
}
