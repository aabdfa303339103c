/// Scanning that the reader and the writer share.
extension UnsafePointer<UInt8> {
    /// Skips bytes that represent themselves in a JSON string and need no UTF-8 check.
    ///
    /// Takes eight bytes at a time. In `stops`, the highest bit of a byte is set if that byte of
    /// `word` is a quote, a backslash, below 0x20 or above 0x7F. A subtraction that borrows from
    /// its neighbor can set bits only above the first such byte, and only the first one is used.
    ///
    /// - Returns: the index of the first other byte, or `end`.
    func endOfPlainText(from start: Int, to end: Int) -> Int {
        let everyByte: UInt64 = 0x0101_0101_0101_0101
        var index = start
        while end - index >= 8 {
            let word = UInt64(littleEndian: loadWord(at: index))
            let quotes = (word ^ (everyByte &* 0x22)) &- everyByte
            let backslashes = (word ^ (everyByte &* 0x5C)) &- everyByte
            let controls = word &- (everyByte &* 0x20)
            let stops = (word | quotes | backslashes | controls) & (everyByte &* 0x80)
            if stops != 0 {
                return index + stops.trailingZeroBitCount / 8
            }
            index += 8
        }
        while index < end {
            switch self[index] {
            case 0x00..<0x20, UInt8(ascii: "\""), UInt8(ascii: "\\"), 0x80...: return index
            default: index += 1
            }
        }
        return end
    }

    /// The length of the UTF-8 sequence at `index` (RFC 3629, section 4), 1 to 4.
    ///
    /// If there is none: minus the number of bytes that could still have begun one, 0 to -3.
    func utf8Sequence(at index: Int, to end: Int) -> Int {
        let lead = self[index]
        // The second byte is restricted after four lead bytes: no overlong forms (E0, F0), no
        // surrogates (ED), nothing past U+10FFFF (F4).
        var second: ClosedRange<UInt8> = 0x80...0xBF
        let length: Int
        switch lead {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if lead == 0xE0 { second = 0xA0...0xBF }
            if lead == 0xED { second = 0x80...0x9F }
        case 0xF0...0xF4:
            length = 4
            if lead == 0xF0 { second = 0x90...0xBF }
            if lead == 0xF4 { second = 0x80...0x8F }
        default: return 0
        }
        guard index + 1 < end, second.contains(self[index + 1]) else { return -1 }
        for place in 2..<max(length, 2) {
            guard index + place < end, self[index + place] & 0xC0 == 0x80 else { return -place }
        }
        return length
    }

    /// True if the first `count` bytes here and at `other` are the same.
    func isSame(as other: UnsafePointer<UInt8>, count: Int) -> Bool {
        var index = 0
        while count - index >= 8 {
            if loadWord(at: index) != other.loadWord(at: index) { return false }
            index += 8
        }
        while index < count {
            if self[index] != other[index] { return false }
            index += 1
        }
        return true
    }

    private func loadWord(at index: Int) -> UInt64 {
        UnsafeRawPointer(self + index).loadUnaligned(as: UInt64.self)
    }
}
