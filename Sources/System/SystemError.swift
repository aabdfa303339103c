import Glibc

/// A system call that failed: which, on what, and why.
public struct SystemError: Error, CustomStringConvertible, Sendable {
    /// The value of `errno`.
    public let code: Int32
    /// What was tried, in the words of "cannot …".
    public let action: String

    /// Takes the reason from `errno`.
    package init(_ action: String, code: Int32 = errno) {
        self.action = action
        self.code = code
    }

    /// "cannot …: " and the system's words for the code.
    public var description: String { "cannot \(action): \(Self.text(of: code))" }

    /// The system's words for a value of `errno`.
    package static func text(of code: Int32) -> String { String(cString: strerror(code)) }
}
