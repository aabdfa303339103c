/// A key that is equal to another when both decode to the same text.
///
/// 16 bytes, for a hostile object has millions of them.
struct DecodedKey: Hashable {
    private let start: UnsafeRawPointer
    /// Twice the length in bytes, plus 1 if there are escapes.
    private let lengthAndEscapes: Int

    init(_ string: JSONString) {
        start = string.raw.baseAddress!
        lengthAndEscapes = string.raw.count << 1 | (string.hasEscapes ? 1 : 0)
    }

    private var hasEscapes: Bool { lengthAndEscapes & 1 == 1 }

    private var string: JSONString {
        let raw = UnsafeRawBufferPointer(start: start, count: lengthAndEscapes >> 1)
        return JSONString(raw: raw, hasEscapes: hasEscapes, offset: 0)
    }

    static func == (left: Self, right: Self) -> Bool {
        if left.hasEscapes || right.hasEscapes {
            return left.string.decodedBytes.elementsEqual(right.string.decodedBytes)
        }
        return left.lengthAndEscapes == right.lengthAndEscapes
            && left.string.bytes.isSame(as: right.string.bytes, count: left.lengthAndEscapes >> 1)
    }

    func hash(into hasher: inout Hasher) {
        guard hasEscapes else { return hasher.combine(bytes: string.raw) }
        var decoded: [UInt8] = []
        string.append(to: &decoded)
        decoded.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}
