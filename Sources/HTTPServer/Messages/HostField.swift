/// The grammar of a Host field and of an authority: uri-host [ ":" port ] (RFC 9110, 7.2; RFC 3986,
/// 3.2.2).
enum HostField {
    static func isValid(_ value: UnsafeRawBufferPointer) -> Bool {
        guard let first = value.first else { return false }
        var offset = 0
        if first == UInt8(ascii: "[") {
            guard let close = value.firstOffset(of: UInt8(ascii: "]")), close > 1 else {
                return false
            }
            for byte in value.slice(1..<close) where !isInsideBrackets(byte) { return false }
            offset = close + 1
        } else {
            while offset < value.count, isRegisteredName(value[offset]) {
                if value[offset] == UInt8(ascii: "%") {
                    guard offset + 2 < value.count, ASCII.hexValue(value[offset + 1]) != nil,
                        ASCII.hexValue(value[offset + 2]) != nil
                    else { return false }
                }
                offset += 1
            }
            guard offset > 0 else { return false }
        }
        guard offset < value.count else { return true }
        guard value[offset] == ASCII.colon, value.count - offset <= 6 else { return false }
        return value.slice((offset + 1)..<value.count).allSatisfy(ASCII.isDigit)
    }

    private static func isInsideBrackets(_ byte: UInt8) -> Bool {
        ASCII.hexValue(byte) != nil || byte == ASCII.colon || byte == UInt8(ascii: ".")
    }

    /// reg-name = *( unreserved / pct-encoded / sub-delims ). No real name has a comma, but two
    /// hosts in one field do.
    private static func isRegisteredName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default:
            switch byte {
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
                UInt8(ascii: "%"), UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"),
                UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"),
                UInt8(ascii: "+"), UInt8(ascii: ";"), UInt8(ascii: "="):
                true
            default: false
            }
        }
    }
}
