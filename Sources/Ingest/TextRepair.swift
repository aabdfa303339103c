import JSON

/// Repairs what other programs take for JSON: U+FFFD replaces bytes that are not UTF-8, and half
/// surrogate pairs.
enum TextRepair {
    /// Returns `json` with all such places repaired; nil if there are none.
    static func repaired(_ json: UnsafeRawBufferPointer) -> [UInt8]? {
        var bytes = Array(String(decoding: json, as: UTF8.self).utf8)
        var isRepaired = !bytes.elementsEqual(json)
        var index = 0
        while index + 1 < bytes.count {
            guard bytes[index] == UInt8(ascii: "\\") else {
                index += 1
                continue
            }
            guard let unit = codeUnit(bytes, at: index) else {
                index += 2
                continue
            }
            if UTF16.isLeadSurrogate(unit), let next = codeUnit(bytes, at: index + 6),
                UTF16.isTrailSurrogate(next)
            {
                index += 12
                continue
            }
            if UTF16.isLeadSurrogate(unit) || UTF16.isTrailSurrogate(unit) {
                bytes.replaceSubrange(index + 2..<index + 6, with: "FFFD".utf8)
                isRepaired = true
            }
            index += 6
        }
        return isRepaired ? bytes : nil
    }

    /// The code unit of the escape `\uXXXX` at `index`.
    private static func codeUnit(_ bytes: [UInt8], at index: Int) -> UInt16? {
        guard index + 6 <= bytes.count, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u")
        else { return nil }
        let digits = String(decoding: bytes[index + 2..<index + 6], as: UTF8.self)
        return digits.allSatisfy(\.isHexDigit) ? UInt16(digits, radix: 16) : nil
    }
}
