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

    /// Names a parameter that is not among the `known` ones, and those.
    public init(parameter: String, known: [String]) {
        self.init(
            parameter: parameter,
            detail: "is not known here; known are \(known.joined(separator: ", "))")
    }
}
