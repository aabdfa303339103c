import Glibc

/// A failed system call: the action, its object, and the reason.
public struct SystemError: Error, CustomStringConvertible, Sendable {
    /// The value of `errno`.
    public let code: Int32
    /// The action, in words that follow "cannot".
    public let action: String

    /// Takes the reason from `errno`.
    package init(_ action: String, code: Int32 = errno) {
        self.action = action
        self.code = code
    }

    /// "cannot …: " and the system's text for the code.
    public var description: String { "cannot \(action): \(Self.text(of: code))" }

    /// The system's text for a value of `errno`.
    package static func text(of code: Int32) -> String { String(cString: strerror(code)) }
}
