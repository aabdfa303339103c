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

    /// Whether metadata, or null, has one of the values at the path.
    func admits(_ metadata: UnsafeRawBufferPointer?) -> Bool {
        guard let metadata else { return false }
        var reader = JSONReader(metadata)
        do {
            return try isFound(&reader, path[...])
        } catch {
            // Only a version 1 file can have text here that is no JSON, and then no path is in it.
            return false
        }
    }

    /// Looks for the rest of the path in the value that is next.
    private func isFound(
        _ reader: inout JSONReader, _ rest: ArraySlice<UInt8>
    ) throws(JSONError) -> Bool {
        guard try reader.peekKind() == .object else {
            _ = try reader.skipValue()
            return false
        }
        try reader.beginObject()
        while let key = try reader.nextKey() {
            guard let inner = Self.rest(rest, behind: key) else {
                _ = try reader.skipValue()
                continue
            }
            if try inner.isEmpty ? isWanted(&reader) : isFound(&reader, inner) { return true }
        }
        return false
    }

    /// What of `path` is behind `key` and its dot; nil when it does not begin so.
    private static func rest(
        _ path: ArraySlice<UInt8>, behind key: JSONString
    ) -> ArraySlice<UInt8>? {
        var name: [UInt8] = []
        if key.hasEscapes { key.append(to: &name) }
        let isHere = key.hasEscapes ? path.starts(with: name) : path.starts(with: key.raw)
        let rest = path.dropFirst(key.hasEscapes ? name.count : key.raw.count)
        return isHere && rest.first == UInt8(ascii: ".") ? rest.dropFirst() : nil
    }

    /// Takes the value that is next, and tells whether it is one of those that are wanted.
    private func isWanted(_ reader: inout JSONReader) throws(JSONError) -> Bool {
        guard try reader.peekKind() == .string else {
            let value = try reader.skipValue()
            return value.depth == 0 && values.contains { value.raw.elementsEqual($0) }
        }
        let text = try reader.readString()
        guard text.hasEscapes else { return values.contains { text.raw.elementsEqual($0) } }
        var decoded: [UInt8] = []
        text.append(to: &decoded)
        return values.contains(decoded)
    }
}
