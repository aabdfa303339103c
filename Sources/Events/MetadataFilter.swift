import JSON

/// What stands at a path in an event's metadata.
///
/// The path is the keys from the outside in, with dots between them. A key may have dots itself, so
/// `a.b.c` is looked for in `{"a":{"b.c":…}}`, too. Arrays are not looked into.
public struct MetadataFilter: Hashable, Sendable {
    /// With a dot behind each key.
    let path: [UInt8]
    /// What it may be: a string's text, or a number, `true`, `false` or `null` as it is written. In
    /// order, each once.
    private(set) var values: [[UInt8]]

    /// What the names of the parameters begin with.
    static let prefix = "metadata."
    /// How many a query may have: what is looked at in each event is bounded by it.
    public static let most = 8

    /// The parameter.
    var name: String { Self.prefix + String(decoding: path.dropLast(), as: UTF8.self) }

    /// Reads all values of one parameter.
    init(_ name: String, _ values: [String]) throws(QueryError) {
        path = Array((name + ".").utf8.dropFirst(Self.prefix.utf8.count))
        guard path.count > 1 else {
            throw QueryError(parameter: name, detail: "names no field of metadata")
        }
        var seen: Set<[UInt8]> = []
        self.values = values.map { Array($0.utf8) }.filter { seen.insert($0).inserted }
            .sorted { $0.lexicographicallyPrecedes($1) }
        guard self.values.count <= FieldFilter.maxValues else {
            throw QueryError(
                parameter: name, detail: "has more than \(FieldFilter.maxValues) values")
        }
    }

    /// Words that metadata with one of the values at the path has, as `WordScanner` cuts them: those
    /// of the path, and of the value where there is one.
    public var requiredWords: [[UInt8]] {
        WordScanner.words(path) + (values.count == 1 ? WordScanner.words(values[0]) : [])
    }

    /// Of each of several values a word, the longest one; nil where one has none.
    public var choices: [[UInt8]]? {
        guard values.count > 1 else { return nil }
        let words = values.compactMap { WordScanner.words($0).max { $0.count < $1.count } }
        return words.count == values.count ? words : nil
    }
}
