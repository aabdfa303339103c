import Foundation

/// A value that threads change and others wait for.
///
/// `@unchecked Sendable`: `value` is used only with the condition's lock held.
final class Guarded<Value>: @unchecked Sendable {
    private let condition = NSCondition()
    private var value: Value

    init(_ value: Value) { self.value = value }

    /// Lends the value, and wakes the threads that wait for a change.
    @discardableResult
    func with<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        condition.lock()
        defer {
            condition.broadcast()
            condition.unlock()
        }
        return try body(&value)
    }

    /// Waits until `body` returns a result for the value; nil after `Patience`.
    func wait<Result>(for body: (Value) -> Result?) -> Result? {
        let deadline = Patience.deadline
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let result = body(value) { return result }
            guard condition.wait(until: deadline) else { return body(value) }
        }
    }
}
