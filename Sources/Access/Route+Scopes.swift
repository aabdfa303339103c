import HTTPServer

extension Requirement {
    /// Having all of `scopes`.
    public init(_ scopes: Scopes) { self.init(rawValue: scopes.rawValue) }

    /// The scopes that it is made of.
    public var scopes: Scopes { Scopes(rawValue: rawValue) }
}

extension Route {
    /// What a client needs, where there is access control; nil when it needs nothing.
    public var scope: Scopes? { requirement?.scopes }
}

extension Request {
    /// Whether the client may do what needs `scope`, which is more than the route asks for.
    public func isAdmitted(for scope: Scopes) -> Bool { isAdmitted(for: Requirement(scope)) }
}
