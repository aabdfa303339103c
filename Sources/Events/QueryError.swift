/// An error in a query parameter.
public struct QueryError: Error, Equatable, Sendable {
    /// The parameter's name.
    public let parameter: String
    /// The rest of a sentence that begins with the parameter's name.
    public let detail: String

    /// Creates an error of a parameter.
    public init(parameter: String, detail: String) {
        self.parameter = parameter
        self.detail = detail
    }

    /// Creates an error of a parameter that is not among the `known` ones.
    public init(parameter: String, known: [String]) {
        self.init(
            parameter: parameter,
            detail: "is not known here; the known ones are \(known.joined(separator: ", "))")
    }
}

extension Bool {
    /// Reads the query parameter `name`, which is `true` or `false`; false if it is missing.
    public init(parameter name: String, _ value: String?) throws(QueryError) {
        switch value {
        case "true": self = true
        case nil, "false": self = false
        default: throw QueryError(parameter: name, detail: "must be true or false")
        }
    }
}
