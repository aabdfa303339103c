import JSON

/// Tests all metadata filters of a query in one pass over an event's metadata.
struct MetadataMatcher {
    private let filters: [MetadataFilter]
    /// One bit for each filter.
    private let all: UInt8

    init(_ filters: [MetadataFilter]) {
        precondition(filters.count <= UInt8.bitWidth, "a bit for each filter")
        self.filters = filters
        all = UInt8.max >> (UInt8.bitWidth - filters.count)
    }

    /// A filter, and the rest of its path below the reader's position.
    private typealias Search = (filter: Int, rest: ArraySlice<UInt8>)

    /// True if metadata, or null, has one of the values at the path of every filter.
    func admits(_ metadata: UnsafeRawBufferPointer?) -> Bool {
        guard let metadata else { return false }
        var reader = JSONReader(metadata)
        var found: UInt8 = 0
        do {
            try look(for: filters.indices.map { ($0, filters[$0].path[...]) }, &reader, &found)
        } catch {
            // Only a version 1 file can have text here that is not JSON, and that has no paths.
            return false
        }
        return found == all
    }

    /// Searches the next value for the rest of several paths, and consumes it.
    private func look(
        for searches: [Search], _ reader: inout JSONReader, _ found: inout UInt8
    ) throws(JSONError) {
        guard try reader.peekKind() == .object else {
            _ = try reader.skipValue()
            return
        }
        try reader.beginObject()
        while let key = try reader.nextKey() {
            let inner = Self.searches(searches, behind: key)
            let ending = inner.filter { $0.rest.isEmpty }.map(\.filter)
            if inner.isEmpty {
                _ = try reader.skipValue()
            } else if !ending.isEmpty, try reader.peekKind() != .object {
                try compare(ending, &reader, &found)
            } else {
                try look(for: inner.filter { !$0.rest.isEmpty }, &reader, &found)
            }
            if found == all { return }
        }
    }

    /// The searches that continue below `key`, which may contain dots itself.
    private static func searches(_ searches: [Search], behind key: JSONString) -> [Search] {
        guard key.hasEscapes else { return self.searches(searches, behind: key.raw) }
        var name: [UInt8] = []
        key.append(to: &name)
        return self.searches(searches, behind: name)
    }

    private static func searches(
        _ searches: [Search], behind key: some RandomAccessCollection<UInt8>
    ) -> [Search] {
        searches.compactMap { search in
            guard search.rest.starts(with: key) else { return nil }
            let rest = search.rest.dropFirst(key.count)
            return rest.first == UInt8(ascii: ".") ? (search.filter, rest.dropFirst()) : nil
        }
    }

    /// Consumes the next value and notes the filters that it matches.
    private func compare(
        _ indexes: [Int], _ reader: inout JSONReader, _ found: inout UInt8
    ) throws(JSONError) {
        var decoded: [UInt8] = []
        let isString = try reader.peekKind() == .string
        if isString {
            try reader.readString().append(to: &decoded)
        } else {
            let value = try reader.skipValue()
            guard value.depth == 0 else { return }
            decoded = Array(value.raw)
        }
        for index in indexes where filters[index].values.contains(decoded) {
            found |= 1 << UInt8(index)
        }
    }
}
