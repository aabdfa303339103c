import Glibc

/// ASCII bytes that the protocol gives a meaning to.
package enum ASCII {
    package static let tab = UInt8(ascii: "\t")
    package static let lineFeed = UInt8(ascii: "\n")
    package static let carriageReturn = UInt8(ascii: "\r")
    package static let space = UInt8(ascii: " ")
    package static let colon = UInt8(ascii: ":")

    /// The value of a hexadecimal digit; nil for any other byte.
    package static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The bytes that hexadecimal digits stand for; nil if there is any other byte, or half a pair.
    package static func bytes(hex text: some Collection<UInt8>) -> [UInt8]? {
        let digits = text.compactMap(hexValue)
        guard digits.count == text.count, digits.count % 2 == 0 else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    package static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    package static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    /// RFC 9110, 5.6.2: tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" /
    /// "_" / "`" / "|" / "~" / DIGIT / ALPHA
    package static func isToken(_ byte: UInt8) -> Bool {
        byte < 128 && tokenBits[Int(byte >> 6)] & (1 << UInt64(byte & 63)) != 0
    }

    private static let tokenBits: InlineArray<2, UInt64> = {
        var bits: InlineArray<2, UInt64> = [0, 0]
        let characters =
            "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        for byte in characters.utf8 { bits[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }
        return bits
    }()
}

extension UnsafeRawBufferPointer {
    /// The bytes of `range`, which must lie within this buffer.
    package func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[range])
    }

    /// The offset of the first `byte` at or after `start`; nil if there is none.
    func firstOffset(of byte: UInt8, from start: Int = 0) -> Int? {
        guard start < count, let base = baseAddress,
            let found = memchr(base + start, Int32(byte), count - start)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }

    func hasPrefix(_ prefix: [UInt8]) -> Bool {
        count >= prefix.count
            && prefix.withUnsafeBytes {
                prefix.isEmpty || memcmp(baseAddress!, $0.baseAddress!, prefix.count) == 0
            }
    }

    /// True if these are exactly the bytes of `text`.
    public func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount
            && (count == 0 || memcmp(baseAddress!, text.utf8Start, count) == 0)
    }

    /// True if these are the bytes of `text`, ignoring case. `text` must be in lower case.
    public func equalsIgnoringCase(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        for offset in 0..<count where ASCII.lowercase(self[offset]) != text.utf8Start[offset] {
            return false
        }
        return true
    }

    /// True if both hold the same bytes, ignoring ASCII case.
    func equalsIgnoringCase(_ other: UnsafeRawBufferPointer) -> Bool {
        count == other.count
            && indices.allSatisfy { ASCII.lowercase(self[$0]) == ASCII.lowercase(other[$0]) }
    }

    /// These bytes without the blanks (SP, HTAB) at both ends.
    func trimmingBlanks() -> UnsafeRawBufferPointer {
        var start = 0
        var end = count
        while start < end, ASCII.isBlank(self[start]) { start += 1 }
        while end > start, ASCII.isBlank(self[end - 1]) { end -= 1 }
        return slice(start..<end)
    }
}

extension ASCII {
    package static func lowercase(_ byte: UInt8) -> UInt8 {
        byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
    }
}

extension Array where Element == UInt8 {
    /// Appends the bytes of `text`.
    mutating func append(_ text: StaticString) {
        append(
            contentsOf: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        )
    }

    /// Appends a nonnegative number in decimal.
    mutating func appendDecimal(_ value: Int) {
        var digits: InlineArray<20, UInt8> = .init(repeating: 0)
        var first = 20
        var rest = value
        repeat {
            first -= 1
            digits[first] = UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0")
            rest /= 10
        } while rest > 0
        for index in first..<20 { append(digits[index]) }
    }
}
