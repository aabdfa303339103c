import JSON

/// The members of an object, not looked into. They point into the reader's bytes.
public struct OutermostMembers {
    /// The whole object.
    let raw: UnsafeRawBufferPointer
    /// The members in order.
    private(set) var all: [(key: JSONString, value: JSONSlice)] = []

    /// Reads the next object.
    ///
    /// - Throws: if it is not JSON. Duplicate keys in it are not detected here.
    init(_ reader: inout JSONReader) throws(JSONError) {
        all.reserveCapacity(24)
        let start = try reader.mark()
        try reader.beginObject()
        while let key = try reader.nextKey() { all.append((key, try reader.skipValue())) }
        raw = reader.bytes(from: start)
    }

    /// The object without white space between tokens.
    var compact: [UInt8] {
        var output: [UInt8] = []
        var reader = JSONReader(raw)
        do throws(JSONError) { try reader.skipValue().appendCompact(to: &output) } catch {
            preconditionFailure("what was read as JSON is JSON")
        }
        return output
    }

    subscript(name: StaticString) -> JSONSlice? {
        all.first { $0.key.equals(name) }?.value
    }

    func has(_ name: StaticString) -> Bool { self[name] != nil }

    /// The text of a string; nil for anything else.
    func string(_ name: StaticString) -> String? { self[name]?.string }
}

extension JSONSlice {
    var isObject: Bool { raw.first == UInt8(ascii: "{") }
    var isArray: Bool { raw.first == UInt8(ascii: "[") }
    var isNull: Bool { raw.first == UInt8(ascii: "n") }

    /// The text of a string; nil for anything else.
    var string: String? {
        guard raw.first == UInt8(ascii: "\"") else { return nil }
        var reader = JSONReader(raw)
        do throws(JSONError) { return try reader.readString().string } catch { return nil }
    }
}
