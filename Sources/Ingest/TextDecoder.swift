/// Converts text that arrives piece by piece to UTF-8, from UTF-16 with a byte order mark, as
/// PowerShell writes it. Drops the mark of UTF-8.
public struct TextDecoder {
    private enum Encoding {
        case unknown
        case utf8
        case utf16(isBigEndian: Bool)
    }

    private var encoding = Encoding.unknown
    /// The bytes of an incomplete character.
    private var rest: [UInt8] = []

    /// Starts before the first byte of a text.
    public init() {}

    /// Appends the text of the next bytes.
    public mutating func decode(_ bytes: some Collection<UInt8>, to output: inout [UInt8]) {
        if case .unknown = encoding {
            rest.append(contentsOf: bytes)
            // A mark of two bytes is not the beginning of another.
            guard rest.count >= 3 || rest.count == 2 && rest[0] >= 0xFE else {
                // Nothing begins with a part of a mark but a mark.
                guard let first = rest.first, ![0xEF, 0xFE, 0xFF].contains(first) else { return }
                begin()
                return decode([], to: &output)
            }
            begin()
            return decode([], to: &output)
        }
        guard case .utf16(let isBigEndian) = encoding else {
            output.append(contentsOf: rest)
            rest = []
            return output.append(contentsOf: bytes)
        }
        rest.append(contentsOf: bytes)
        decodeUTF16(isBigEndian, isLast: false, to: &output)
    }

    /// Appends the rest at the end of the text.
    public mutating func end(to output: inout [UInt8]) {
        if case .unknown = encoding { begin() }
        guard case .utf16(let isBigEndian) = encoding else {
            output.append(contentsOf: rest)
            return rest = []
        }
        decodeUTF16(isBigEndian, isLast: true, to: &output)
    }

    private mutating func begin() {
        encoding = .utf8
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) {
            rest.removeFirst(3)
        } else if rest.starts(with: [0xFF, 0xFE]) || rest.starts(with: [0xFE, 0xFF]) {
            encoding = .utf16(isBigEndian: rest[0] == 0xFE)
            rest.removeFirst(2)
        }
    }

    private mutating func decodeUTF16(
        _ isBigEndian: Bool, isLast: Bool, to output: inout [UInt8]
    ) {
        var units: [UInt16] = []
        units.reserveCapacity(rest.count / 2)
        for index in stride(from: 0, to: rest.count - 1, by: 2) {
            let (first, second) = (UInt16(rest[index]), UInt16(rest[index + 1]))
            units.append(isBigEndian ? first << 8 | second : second << 8 | first)
        }
        // Half a pair may be completed by the next piece.
        if !isLast, let last = units.last, UTF16.isLeadSurrogate(last) { units.removeLast() }
        rest.removeFirst(isLast ? rest.count : 2 * units.count)
        output.append(contentsOf: String(decoding: units, as: UTF16.self).utf8)
    }
}
