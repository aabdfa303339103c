import Dispatch
import SQLite
import Synchronization

/// Runs one piece of work at a time on a thread beside the writer's.
///
/// `@unchecked Sendable`: only the writer's thread uses it, and `isGoingOn`; the outcome is behind
/// a lock.
final class SideWork<Value: Sendable>: @unchecked Sendable {
    private let queue: DispatchQueue
    private let outcome = Mutex<Result<Value, SQLiteError>?>(nil)
    /// True if work has begun whose outcome has not been taken.
    private(set) var isGoingOn = false

    init(_ name: String) {
        queue = DispatchQueue(label: "logbook.\(name)", qos: .userInitiated)
    }

    /// Begins `work`; no other may be in progress.
    func begin(_ work: @escaping @Sendable () throws(SQLiteError) -> Value) {
        precondition(!isGoingOn, "one thing at a time")
        isGoingOn = true
        queue.async { [self] in
            let result = Result(catching: work)
            outcome.withLock { $0 = result }
        }
    }

    /// The outcome; nil while the work is in progress, or if the outcome was already taken.
    func takeOutcome() -> Result<Value, SQLiteError>? {
        let taken = outcome.withLock { outcome in
            defer { outcome = nil }
            return outcome
        }
        if taken != nil { isGoingOn = false }
        return taken
    }

    /// Returns once no work is in progress.
    func wait() { queue.sync {} }
}
