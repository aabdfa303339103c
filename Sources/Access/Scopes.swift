import Ingest

/// Permissions: those a client has, and those a route demands.
public struct Scopes: OptionSet, Sendable, CustomStringConvertible {
    /// One bit for each scope; from `firstFormat` on, one for writing in each format of other
    /// programs.
    public let rawValue: UInt32

    /// Creates a set from its bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Permission to read and nothing else.
    public static let read = Scopes(rawValue: 1)
    /// Permission to store, in every format, and nothing else.
    public static let write = Scopes(rawValue: 2 | allFormats)
    /// Permission for everything, including the other two.
    public static let admin = Scopes(rawValue: 7 | allFormats)

    private static let firstFormat = 8
    private static let allFormats: UInt32 = .max << UInt32(firstFormat)

    /// Permission to store in the format with this name and nothing else; a part of `write`.
    public static func write(to format: String) -> Scopes {
        guard let index = SenderFormats.names.firstIndex(of: format) else {
            preconditionFailure("there is no format \(format)")
        }
        return Scopes(rawValue: 1 << UInt32(firstFormat + index))
    }

    /// The format whose events are all that these permit; nil if they permit more or less.
    var format: SenderFormat? { SenderFormats.all.first { Self.write(to: $0.name) == self } }

    private static let names: [(name: String, scope: Scopes)] =
        [("read", .read), ("write", .write), ("admin", .admin)]
        + SenderFormats.names.map { ("write:\($0)", .write(to: $0)) }

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
        let parts = Self.names.filter { contains($0.scope) }
        // A format is not named beside the scope that includes it.
        return parts.filter { part in
            !part.name.contains(":") || !contains(.write)
        }.map(\.name).joined(separator: ",")
    }
}
