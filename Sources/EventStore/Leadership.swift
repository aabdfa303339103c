import Synchronization

/// The right to do what only one of several processes with the same database may do at a time, such
/// as watching a cluster. A store that only one process has open always holds it.
public final class Leadership: Sendable {
    private struct State {
        /// Nil until it is known.
        var isHeld: Bool?
        var subscribers: [@Sendable (_ isHeld: Bool) -> Void] = []
    }

    private let state = Mutex(State())

    /// Creates it; nobody knows yet who holds it.
    public init() {}

    /// True while this process holds it.
    public var isHeld: Bool { state.withLock { $0.isHeld ?? false } }

    /// Calls `body` when it is first known whether it is held, and whenever that changes, on a thread
    /// of the store; now if it is known.
    public func subscribe(_ body: @escaping @Sendable (_ isHeld: Bool) -> Void) {
        let isHeld = state.withLock { state in
            state.subscribers.append(body)
            return state.isHeld
        }
        if let isHeld { body(isHeld) }
    }

    // MARK: For stores

    /// Notes that it is held from now on.
    public func begin() { set(true) }

    /// Notes that it is not held any longer.
    public func end() { set(false) }

    private func set(_ isHeld: Bool) {
        let subscribers = state.withLock { state in
            guard state.isHeld != isHeld else { return [@Sendable (Bool) -> Void]() }
            state.isHeld = isHeld
            return state.subscribers
        }
        for body in subscribers { body(isHeld) }
    }
}
