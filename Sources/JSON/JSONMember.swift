/// One member of a JSON text, for answers of which one thing matters; nil where it is not there, or
/// the text is something else, such as a proxy's page. The text behind it is not looked at.
public enum JSONMember {
    /// A string.
    public static func text(_ path: StaticString..., in json: [UInt8]) -> String? {
        json.withUnsafeBytes { text(path, in: $0) }
    }

    /// A string.
    public static func text(_ path: [StaticString], in json: UnsafeRawBufferPointer) -> String? {
        read(path, json) { reader throws(JSONError) in
            try reader.peekKind() == .string ? try reader.readString().string : nil
        }
    }

    /// A number that counts something, from 0 to 2^53, so that a few of them can be added.
    public static func count(_ path: StaticString..., in json: [UInt8]) -> Int? {
        json.withUnsafeBytes { count(path, in: $0) }
    }

    /// A number that counts something, from 0 to 2^53, so that a few of them can be added.
    public static func count(_ path: [StaticString], in json: UnsafeRawBufferPointer) -> Int? {
        read(path, json) { reader throws(JSONError) in
            try reader.peekKind() == .number ? try reader.readCount() : nil
        }
    }

    /// The JSON of the first element of an array.
    public static func firstElement(_ path: StaticString..., in json: [UInt8]) -> [UInt8]? {
        json.withUnsafeBytes { bytes in
            read(path, bytes) { reader throws(JSONError) in
                guard try reader.peekKind() == .array else { return nil }
                try reader.beginArray()
                return try reader.nextElement() ? Array(try reader.skipValue().raw) : nil
            }
        }
    }

    private static func read<Value>(
        _ path: [StaticString], _ json: UnsafeRawBufferPointer,
        _ value: (inout JSONReader) throws(JSONError) -> Value?
    ) -> Value? {
        var reader = JSONReader(json)
        do throws(JSONError) {
            for name in path {
                guard try find(name, &reader) else { return nil }
            }
            return try value(&reader)
        } catch {
            return nil
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
    /// Reads a server's count of something. Whatever the server says, it is from 0 to 2^53, so that
    /// a few of them can be added.
    public mutating func readCount() throws(JSONError) -> Int {
        max(0, min(try readInteger() ?? 0, 1 << 53))
    }
}
