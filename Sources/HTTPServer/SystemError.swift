import Glibc

/// A system call that failed: which, on what, and why.
public struct SystemError: Error, CustomStringConvertible, Sendable {
    /// The value of `errno`.
    public let code: Int32
    /// What was tried, in the words of "cannot …".
    public let action: String

    /// Takes the reason from `errno`.
    init(_ action: String, code: Int32 = errno) {
        self.action = action
        self.code = code
    }

    /// "cannot …: " and the system's words for the code.
    public var description: String { "cannot \(action): \(String(cString: strerror(code)))" }
}

/// Calls `body` again for as long as a signal interrupts it: the one place where EINTR is dealt
/// with.
func retryingInterrupts<Result: SignedInteger>(_ body: () -> Result) -> Result {
    while true {
        let result = body()
        if result != -1 || errno != EINTR { return result }
    }
}
