/// One method on one path, with its parameters and possible statuses.
public final class Route: Sendable {
    /// Fills in the answer on an event loop; must not block. Slow work postpones the answer.
    public typealias Handler = @Sendable (Request, inout Response) -> Void

    /// The method. HEAD comes with GET and is never a route. OPTIONS comes with every path and can
    /// be a route.
    public let method: HTTPMethod
    /// Literal segments and at most one `{name}`, which matches any one nonempty segment.
    public let path: String
    /// True if the `{name}`, at the end of the path, stands for all the segments that are left. They
    /// are not decoded for the handler.
    public let takesRest: Bool
    /// A one-sentence description.
    public let summary: String
    /// The query parameters that it accepts.
    public let parameters: [String]
    /// The statuses that its handler may answer with. The server adds its own.
    public let statuses: [HTTPStatus]
    /// The requirement on the client under access control; nil if there is none.
    public let requirement: Requirement?
    /// The longest body it takes, in bytes; 0 when it takes none.
    public let bodyLimit: Int
    /// True if a 503 from this route is information, not a failure.
    let tellsTrouble: Bool
    /// True for a request whose body, if any, arrives piece by piece. Called with its head alone.
    let takesPieces: (@Sendable (Request) -> Bool)?
    let handler: Handler

    /// Describes a route.
    public init(
        _ method: HTTPMethod, _ path: String, takesRest: Bool = false, summary: String,
        parameters: [String] = [],
        statuses: [HTTPStatus], requirement: Requirement? = nil, bodyLimit: Int = 0,
        tellsTrouble: Bool = false,
        takesPieces: (@Sendable (Request) -> Bool)? = nil, handler: @escaping Handler
    ) {
        precondition(path.hasPrefix("/"), "a route's path begins with '/'")
        precondition(!takesRest || path.hasSuffix("}"), "nothing comes after the rest")
        self.method = method
        self.path = path
        self.takesRest = takesRest
        self.summary = summary
        self.parameters = parameters
        self.statuses = statuses
        self.requirement = requirement
        self.bodyLimit = bodyLimit
        self.tellsTrouble = tellsTrouble
        self.takesPieces = takesPieces
        self.handler = handler
    }
}
