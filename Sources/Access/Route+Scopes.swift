public import HTTPServer

extension Requirement {
    /// Creates a requirement of all of `scopes`.
    public init(_ scopes: Scopes) { self.init(rawValue: scopes.rawValue) }

    /// The required scopes.
    public var scopes: Scopes { Scopes(rawValue: rawValue) }
}

extension Route {
    /// The scopes that a client needs under access control; nil if it needs none.
    public var scope: Scopes? { requirement?.scopes }
}

extension Request {
    /// True if the client also has `scope`, which is more than the route demands.
    public func isAdmitted(for scope: Scopes) -> Bool { isAdmitted(for: Requirement(scope)) }
}
