/// Why a text is not the JSON that was wanted, and where.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was found and what would be right there, for a person to read.
    public let message: String
    /// The first wrong byte, counted from 0; the length of the text where more was expected.
    public let offset: Int
    /// The line of that byte, counted from 1. Lines end with a line feed.
    public let line: Int
    /// The byte's place in its line, in bytes, counted from 1.
    public let column: Int

    /// `message at line L, column C`
    public var description: String {
        "\(message) at line \(line), column \(column)"
    }
}
