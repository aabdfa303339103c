import JSON

/// The values allowed at a path in an event's metadata.
///
/// The path is the keys from the outside in, separated by dots. A key may contain dots itself, so
/// `a.b.c` also matches `{"a":{"b.c":…}}`. Arrays are not searched.
public struct MetadataFilter: Hashable, Sendable {
    /// The path, with a dot after each key.
    let path: [UInt8]
    /// The allowed values: a string's text, or a number, `true`, `false` or `null` as written.
    /// Sorted and without duplicates.
    private(set) var values: [[UInt8]]

    /// The prefix of the parameters' names.
    static let prefix = "metadata."
    /// The most filters in a query. It bounds the work for each event.
    public static let most = 8

    /// The name of the parameter.
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

    /// Words, as `WordScanner` splits them, that metadata with one of the values at the path must
    /// have: those of the path, and those of the value if there is only one.
    public var requiredWords: [[UInt8]] {
        WordScanner.words(path) + (values.count == 1 ? WordScanner.words(values[0]) : [])
    }

    /// The longest word of each of several values; nil if a value has none.
    public var choices: [[UInt8]]? {
        guard values.count > 1 else { return nil }
        let words = values.compactMap { WordScanner.words($0).max { $0.count < $1.count } }
        return words.count == values.count ? words : nil
    }
}
