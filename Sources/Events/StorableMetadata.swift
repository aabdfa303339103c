import JSON

/// A repair of metadata to its stored form: a JSON object on one line. A line break in it would end
/// a line of NDJSON, or forge a message of a stream.
public struct StorableMetadata {
    /// The repaired metadata.
    public let bytes: [UInt8]
    /// True if it was a JSON object, but not on one line. Otherwise it is kept as text inside an
    /// object.
    public let wasObject: Bool

    /// Repairs `bytes`, which may be anything that a file holds; nil if they are fine.
    public init?(repairing bytes: UnsafeRawBufferPointer) {
        var reader = JSONReader(bytes)
        var repaired: [UInt8] = []
        do throws(JSONError) {
            if try reader.peekKind() == .object {
                let value = try reader.skipValue()
                try reader.expectEnd()
                // Line breaks inside strings are escaped, so this one is white space between
                // tokens.
                guard value.hasWhitespace || value.raw.count < bytes.count,
                    bytes.contains(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") })
                else { return nil }
                value.appendCompact(to: &repaired)
                self.bytes = repaired
                wasObject = true
                return
            }
        } catch {
            // Invalid JSON is kept as text, like any other value that is not an object.
        }
        repaired.append("{\"unparsed\":")
        repaired.appendJSONString(bytes)
        repaired.append("}")
        self.bytes = repaired
        wasObject = false
    }

    /// As `init(repairing:)`, for each row that goes out: nearly always a quick look is enough. Keys
    /// that occur twice go out as they are.
    init?(repairingServed bytes: UnsafeRawBufferPointer) {
        guard !bytes.isCompactJSONObject else { return nil }
        self.init(repairing: bytes)
    }
}
