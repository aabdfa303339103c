import Dispatch
import EventStore
import Events
import SQLiteStore
import Synchronization
import TestSupport

/// Collects replies. Those on the writer's thread come in the order of its work.
final class Replies: Sendable {
    private let results = Mutex<[String]>([])
    private let group = DispatchGroup()

    var all: [String] { results.withLock { $0 } }

    func append(
        _ repository: SQLiteRepository, _ name: String, _ events: [Event],
        allOrNothing: Bool = false
    ) {
        group.enter()
        repository.append(events, allOrNothing: allOrNothing) { result in
            switch result {
            case .success(let outcomes):
                self.note("\(name): \(outcomes.map(\.kind).joined(separator: " "))")
            case .failure(let error): self.note("\(name): \(error)")
            }
            self.group.leave()
        }
    }

    func delete(_ repository: SQLiteRepository, _ name: String, _ id: String) {
        group.enter()
        repository.delete(id: Array(id.utf8)) { result in
            self.note("\(name): \(result)")
            self.group.leave()
        }
    }

    private func note(_ text: String) { results.withLock { $0.append(text) } }

    /// Waits until every request has its reply.
    func wait() async {
        await withCheckedContinuation { continuation in
            group.notify(queue: .global()) { continuation.resume() }
        }
    }
}
