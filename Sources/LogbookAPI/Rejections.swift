import EventStore
import HTTPServer
import Synchronization

/// Counts rejected events by reason, from any thread.
final class Rejections: Sendable {
    private let malformedCount = Atomic<Int>(0)
    private let invalidCount = Atomic<Int>(0)
    private let tooLargeCount = Atomic<Int>(0)
    private let unavailableCount = Atomic<Int>(0)

    var malformed: Int { malformedCount.load(ordering: .relaxed) }
    var invalid: Int { invalidCount.load(ordering: .relaxed) }
    var tooLarge: Int { tooLargeCount.load(ordering: .relaxed) }
    var unavailable: Int { unavailableCount.load(ordering: .relaxed) }

    /// Counts an event, or a text that is not one, answered with `status`.
    ///
    /// Conflicts are counted by the store.
    func note(_ status: HTTPStatus) {
        switch status {
        case .badRequest: malformedCount.wrappingAdd(1, ordering: .relaxed)
        case .contentTooLarge: tooLargeCount.wrappingAdd(1, ordering: .relaxed)
        case .unprocessableContent: invalidCount.wrappingAdd(1, ordering: .relaxed)
        default: break
        }
    }

    /// Counts events that the store could not take.
    func noteUnavailable(_ count: Int) { unavailableCount.wrappingAdd(count, ordering: .relaxed) }
}
