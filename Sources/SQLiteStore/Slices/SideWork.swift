import Dispatch
import SQLite
import Synchronization

/// A piece of work at a time, on a thread beside the writer's.
///
/// `@unchecked Sendable`: the writer's thread alone uses it, and `isGoingOn`; the outcome is behind a
/// lock.
final class SideWork<Value: Sendable>: @unchecked Sendable {
    private let queue: DispatchQueue
    private let outcome = Mutex<Result<Value, SQLiteError>?>(nil)
    /// Whether something has begun whose outcome has not been taken.
    private(set) var isGoingOn = false

    init(_ name: String) {
        queue = DispatchQueue(label: "logbook.\(name)", qos: .userInitiated)
    }

    /// Begins `work`; nothing else may be going on.
    func begin(_ work: @escaping @Sendable () throws(SQLiteError) -> Value) {
        precondition(!isGoingOn, "one thing at a time")
        isGoingOn = true
        queue.async { [self] in
            let result = Result(catching: work)
            outcome.withLock { $0 = result }
        }
    }

    /// What became of it; nil while it goes on, or when that has been told.
    func takeOutcome() -> Result<Value, SQLiteError>? {
        let taken = outcome.withLock { outcome in
            defer { outcome = nil }
            return outcome
        }
        if taken != nil { isGoingOn = false }
        return taken
    }

    /// Returns once nothing goes on.
    func wait() { queue.sync {} }
}
