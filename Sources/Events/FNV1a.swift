/// FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
///
/// For inputs that nobody makes collide on purpose.
public struct FNV1a {
    /// The hash of all bytes so far.
    public private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    /// Creates the hash of nothing.
    public init() {}

    /// The hash of `bytes`.
    public static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash = FNV1a()
        for byte in bytes { hash.take(byte) }
        return hash.hash
    }

    /// Takes the next byte.
    mutating func take(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
}
