/// An error in a JSON text, with its position.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A message for people: what was found and what would be right.
    public let message: String
    /// The offset of the first wrong byte, counted from 0; the length of the text if more was
    /// expected.
    public let offset: Int
    /// The line of that byte, counted from 1. Lines end with a line feed.
    public let line: Int
    /// The byte's position in its line, in bytes, counted from 1.
    public let column: Int

    /// `message at line L, column C`
    public var description: String {
        "\(message) at line \(line), column \(column)"
    }
}
