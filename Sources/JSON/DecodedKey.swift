/// A key that equals another one if both decode to the same text.
///
/// 16 bytes, because a hostile object has very many of them.
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

    static func == (left: Self, right: Self) -> Bool { left.string == right.string }

    func hash(into hasher: inout Hasher) {
        guard hasEscapes else { return hasher.combine(bytes: string.raw) }
        var decoded: [UInt8] = []
        string.append(to: &decoded)
        decoded.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}
