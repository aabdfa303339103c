import JSON

/// Reads one member of a JSON object; nil if it is missing or the answer is something else, such as
/// a proxy's page.
enum JSONMember {
    static func text(_ path: StaticString..., in json: [UInt8]) -> String? {
        read(path, json) { reader throws(JSONError) in
            try reader.peekKind() == .string ? try reader.readString().string : nil
        }
    }

    static func count(_ path: StaticString..., in json: [UInt8]) -> Int? {
        read(path, json) { reader throws(JSONError) in
            try reader.peekKind() == .number ? try reader.readCount() : nil
        }
    }

    private static func read<Value>(
        _ path: [StaticString], _ json: [UInt8],
        _ value: (inout JSONReader) throws(JSONError) -> Value?
    ) -> Value? {
        json.span.withUnsafeBytes { bytes in
            var reader = JSONReader(bytes)
            do throws(JSONError) {
                for name in path {
                    guard try find(name, &reader) else { return nil }
                }
                return try value(&reader)
            } catch {
                return nil
            }
        }
    }

    /// Goes to the value of the member `name`.
    private static func find(
        _ name: StaticString, _ reader: inout JSONReader
    ) throws(JSONError) -> Bool {
        guard try reader.peekKind() == .object else { return false }
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key.equals(name) { return true }
            _ = try reader.skipValue()
        }
        return false
    }
}

extension JSONReader {
    /// Reads a server's count. The result is always from 0 to 2^53, so a few of them can be added.
    mutating func readCount() throws(JSONError) -> Int {
        max(0, min(try readInteger() ?? 0, 1 << 53))
    }
}
