/// What a client may do, and what a route asks of it.
public struct Scopes: OptionSet, Sendable, CustomStringConvertible {
    /// A bit each.
    public let rawValue: UInt8

    /// From bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Reading, and nothing else.
    public static let read = Scopes(rawValue: 1)
    /// Storing, and nothing else.
    public static let write = Scopes(rawValue: 2)
    /// Everything, and so the two others.
    public static let admin = Scopes(rawValue: 7)

    private static let names: [(name: String, scope: Scopes)] = [
        ("read", .read), ("write", .write), ("admin", .admin),
    ]

    /// What `text` lists, separated by commas; nil when a name is none.
    public init?(_ text: String) {
        self = []
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let (_, scope) = Self.names.first(where: { $0.name == name }) else { return nil }
            insert(scope)
        }
    }

    /// Their names, separated by commas.
    public var description: String {
        if contains(.admin) { return "admin" }
        return Self.names.filter { contains($0.scope) }.map(\.name).joined(separator: ",")
    }
}
