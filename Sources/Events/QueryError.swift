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

extension Bool {
    /// Reads the query parameter `name`, which is `true` or `false`, and false where it is left out.
    public init(parameter name: String, _ value: String?) throws(QueryError) {
        switch value {
        case "true": self = true
        case nil, "false": self = false
        default: throw QueryError(parameter: name, detail: "must be true or false")
        }
    }
}
