/// A valid string; it points into the reader's bytes.
public struct JSONString {
    /// The bytes between the quotes, as written.
    public let raw: UnsafeRawBufferPointer
    /// True if there are escapes. Without them the bytes are the text itself.
    public let hasEscapes: Bool
    /// The offset of the opening quote.
    public let offset: Int

    /// The text as a `String`.
    public var string: String {
        guard hasEscapes else { return String(decoding: raw, as: UTF8.self) }
        var decoded: [UInt8] = []
        append(to: &decoded)
        return String(decoding: decoded, as: UTF8.self)
    }

    /// The first `count` Unicode scalars of the text.
    public func prefix(scalars count: Int) -> String {
        // A scalar has at most four bytes, so a truncated one comes after the last one wanted.
        let bytes = Array(decodedBytes.prefix(4 * count))
        return String(String(decoding: bytes, as: UTF8.self).unicodeScalars.prefix(count))
    }

    /// Appends the text in UTF-8, with its escapes decoded.
    public func append(to output: inout [UInt8]) {
        guard hasEscapes else { return output.append(run: bytes, count: raw.count) }
        var rest = decodedBytes
        rest.append(to: &output)
    }

    /// True if the text, with its escapes decoded, is `text`.
    @inlinable
    public func equals(_ text: StaticString) -> Bool {
        // Most keys differ in length from most names they are compared with.
        guard hasEscapes || raw.count == text.utf8CodeUnitCount else { return false }
        return hasSameText(as: text)
    }

    @usableFromInline
    func hasSameText(as text: StaticString) -> Bool {
        if hasEscapes {
            let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
            return decodedBytes.elementsEqual(wanted)
        }
        return bytes.isSame(as: text.utf8Start, count: raw.count)
    }

    var bytes: UnsafePointer<UInt8> {
        raw.baseAddress!.assumingMemoryBound(to: UInt8.self)
    }

    var decodedBytes: DecodedBytes {
        DecodedBytes(cursor: bytes, end: bytes + raw.count)
    }
}

extension JSONString: Equatable {
    /// True if both decode to the same text.
    public static func == (left: Self, right: Self) -> Bool {
        if left.hasEscapes || right.hasEscapes {
            return left.decodedBytes.elementsEqual(right.decodedBytes)
        }
        return left.raw.count == right.raw.count
            && left.bytes.isSame(as: right.bytes, count: left.raw.count)
    }
}
