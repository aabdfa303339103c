import Glibc

/// Texts as PostgreSQL keeps them, which refuses U+0000. It is stored as the bytes 1 and 1, and a
/// byte 1 as 1 and 2, so equal texts stay equal, a prefix stays a prefix, and the order stays.
enum StoredText {
    private static let escape: UInt8 = 1

    /// The stored form of `text`.
    static func escaped(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        guard text.contains(where: { $0 <= escape }) else { return Array(text) }
        var stored: [UInt8] = []
        stored.reserveCapacity(text.count + 16)
        for byte in text {
            switch byte {
            case 0: stored += [escape, escape]
            case escape: stored += [escape, escape + 1]
            default: stored.append(byte)
            }
        }
        return stored
    }

    /// The stored form of `text`.
    static func escaped(_ text: [UInt8]) -> [UInt8] { text.withUnsafeBytes(escaped) }

    /// True if `stored` differs from its text.
    static func isEscaped(_ stored: UnsafeRawBufferPointer) -> Bool {
        guard let start = stored.baseAddress else { return false }
        return memchr(start, Int32(escape), stored.count) != nil
    }

    /// The text of `stored`.
    static func text(_ stored: UnsafeRawBufferPointer) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(stored.count)
        var isEscape = false
        for byte in stored {
            if isEscape {
                text.append(byte == escape ? 0 : escape)
                isEscape = false
            } else if byte == escape {
                isEscape = true
            } else {
                text.append(byte)
            }
        }
        return text
    }
}
