/// What is wrong with a query parameter.
public struct QueryError: Error, Equatable, Sendable {
    /// The parameter's name.
    public let parameter: String
    /// Follows the parameter's name in a sentence.
    public let detail: String

    /// Names a wrong parameter.
    public init(parameter: String, detail: String) {
        self.parameter = parameter
        self.detail = detail
    }
}
