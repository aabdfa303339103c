import JSON

/// What metadata must be to be stored and to go out as it is: a JSON object on one line. A line break
/// in it would end a line of NDJSON, or forge a message of a stream.
public struct StorableMetadata {
    /// What it has to become.
    public let bytes: [UInt8]
    /// Whether it was a JSON object, only not on one line; else it is kept as text in one.
    public let wasObject: Bool

    /// What `bytes`, which whoever wrote the file chose, have to become; nil where they can stay.
    public init?(repairing bytes: UnsafeRawBufferPointer) {
        var reader = JSONReader(bytes)
        var repaired: [UInt8] = []
        do throws(JSONError) {
            if try reader.peekKind() == .object {
                let value = try reader.skipValue()
                try reader.expectEnd()
                // Within a string a line break is escaped, so it is white space between tokens.
                guard value.hasWhitespace || value.raw.count < bytes.count,
                    bytes.contains(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") })
                else { return nil }
                value.appendCompact(to: &repaired)
                self.bytes = repaired
                wasObject = true
                return
            }
        } catch {
            // What the reader refuses is not JSON, and is kept as text like everything else that is
            // no object.
        }
        repaired.append("{\"unparsed\":")
        repaired.appendJSONString(bytes)
        repaired.append("}")
        self.bytes = repaired
        wasObject = false
    }
}
