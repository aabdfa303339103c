import CZlib

/// Bodies in the codings that senders use.
public enum Compression {
    /// RFC 1950, which HTTP calls deflate.
    public static func deflate(_ bytes: [UInt8]) -> [UInt8] {
        var size = compressBound(UInt(bytes.count))
        var output = [UInt8](repeating: 0, count: Int(size))
        let result = compress2(&output, &size, bytes, UInt(bytes.count), 9)
        precondition(result == Z_OK, "zlib compresses")
        return Array(output[..<Int(size)])
    }

    /// RFC 1951, without the header and the check of RFC 1950.
    public static func rawDeflate(_ bytes: [UInt8]) -> [UInt8] {
        Array(deflate(bytes).dropFirst(2).dropLast(4))
    }

    /// RFC 1952: one member.
    public static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        func littleEndian(_ value: UInt) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        let check = crc32(0, bytes, UInt32(bytes.count))
        return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255] + rawDeflate(bytes) + littleEndian(check)
            + littleEndian(UInt(bytes.count))
    }
}
