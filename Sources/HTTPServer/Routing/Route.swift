/// One method on one path, what it takes and what it may answer.
public final class Route: Sendable {
    /// Fills in the answer, on an event loop: it must not wait. What needs time postpones the
    /// request.
    public typealias Handler = @Sendable (Request, inout Response) -> Void

    /// HEAD comes with GET, and is no route. OPTIONS comes with every path, and can be a route.
    public let method: HTTPMethod
    /// Literal segments, and at most one `{name}`, last: it stands for any one segment that is not
    /// empty.
    public let path: String
    /// A sentence for people.
    public let summary: String
    /// The query parameters that it knows.
    public let parameters: [String]
    /// The statuses that its handler may answer with; the server's own come on top.
    public let statuses: [HTTPStatus]
    /// What a client needs, where there is access control; nil when it needs nothing.
    public let requirement: Requirement?
    /// The longest body it takes, in bytes; 0 when it takes none.
    public let bodyLimit: Int
    /// Whether its 503 is what it is there to tell, and no failure.
    let tellsTrouble: Bool
    /// Whether the request's body, if it has one, comes piece by piece: asked by its head alone.
    let takesPieces: (@Sendable (Request) -> Bool)?
    let handler: Handler

    /// Describes a route.
    public init(
        _ method: HTTPMethod, _ path: String, summary: String, parameters: [String] = [],
        statuses: [HTTPStatus], requirement: Requirement? = nil, bodyLimit: Int = 0,
        tellsTrouble: Bool = false,
        takesPieces: (@Sendable (Request) -> Bool)? = nil, handler: @escaping Handler
    ) {
        precondition(path.hasPrefix("/"), "a route's path begins with '/'")
        self.method = method
        self.path = path
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
