/// What is wrong with a field of an event on the way in.
public struct FieldError: Error, Equatable, Sendable {
    /// RFC 6901, relative to the event: `/severity`; empty for the event itself.
    public let pointer: String
    /// What was found, and what would be right.
    public let detail: String

    /// Names a wrong field.
    public init(pointer: String, detail: String) {
        self.pointer = pointer
        self.detail = detail
    }
}
