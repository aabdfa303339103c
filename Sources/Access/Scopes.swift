/// Permissions: those a client has, and those a route demands.
public struct Scopes: OptionSet, Sendable, CustomStringConvertible {
    /// One bit for each scope.
    public let rawValue: UInt8

    /// Creates a set from its bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Permission to read and nothing else.
    public static let read = Scopes(rawValue: 1)
    /// Permission to store and nothing else.
    public static let write = Scopes(rawValue: 2)
    /// Permission for everything, including the other two.
    public static let admin = Scopes(rawValue: 7)

    private static let names: [(name: String, scope: Scopes)] = [
        ("read", .read), ("write", .write), ("admin", .admin),
    ]

    /// Parses a comma-separated list; nil if a name is unknown.
    public init?(_ text: String) {
        self = []
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let (_, scope) = Self.names.first(where: { $0.name == name }) else { return nil }
            insert(scope)
        }
    }

    /// The names, separated by commas.
    public var description: String {
        if contains(.admin) { return "admin" }
        return Self.names.filter { contains($0.scope) }.map(\.name).joined(separator: ",")
    }
}
