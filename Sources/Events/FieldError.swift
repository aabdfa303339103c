/// An error in a field of an incoming event.
public struct FieldError: Error, Equatable, Sendable {
    /// RFC 6901, relative to the event: `/severity`; empty for the event itself.
    public let pointer: String
    /// The finding and the correction.
    public let detail: String

    /// Creates an error of a field.
    public init(pointer: String, detail: String) {
        self.pointer = pointer
        self.detail = detail
    }
}
