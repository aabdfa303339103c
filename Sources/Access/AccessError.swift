/// An unusable access file. The text quotes nothing from the file, because it may hold a secret.
public struct AccessError: Error, CustomStringConvertible, Sendable {
    /// The file, the error, and the correction.
    public let description: String
}
