/// An access file that cannot be used. The text quotes nothing of the file, where somebody may have put a secret.
public struct AccessError: Error, CustomStringConvertible, Sendable {
    /// The file, what is wrong with it, and what would be right.
    public let description: String
}
