/// Watches the bytes before encryption for an overlong ClientHello.
///
/// OpenSSL allocates up to 128 KiB for one as soon as it is announced: nine bytes from each of a
/// few thousand clients would fill the memory.
struct ClientHelloBound {
    /// The longest ClientHello, in bytes; browsers send less than 2 KiB.
    static let maxBytes = 16 * 1024

    private var recordHeader: UInt64 = 0
    private var recordHeaderCount = 0
    private var recordLeft = 0
    private var isHandshake = false
    private var messageHeader: UInt32 = 0
    private var messageHeaderCount = 0
    private var messageLeft = 0

    /// Takes the next byte; false if it completes the announcement of a ClientHello that is too
    /// long.
    mutating func admits(_ byte: UInt8) -> Bool {
        guard recordLeft > 0 else {
            readRecordHeader(byte)
            return true
        }
        recordLeft -= 1
        guard isHandshake else { return true }
        guard messageLeft == 0 else {
            messageLeft -= 1
            return true
        }
        // RFC 8446, 4: "HandshakeType msg_type; uint24 length", the type of a ClientHello being 1.
        messageHeader = messageHeader << 8 | UInt32(byte)
        messageHeaderCount += 1
        guard messageHeaderCount == 4 else { return true }
        messageHeaderCount = 0
        messageLeft = Int(messageHeader & 0xFF_FFFF)
        return messageHeader >> 24 != 1 || messageLeft <= Self.maxBytes
    }

    /// RFC 8446, 5.1: "ContentType type; ProtocolVersion legacy_record_version; uint16 length", the
    /// type of a handshake being 22.
    private mutating func readRecordHeader(_ byte: UInt8) {
        recordHeader = recordHeader << 8 | UInt64(byte)
        recordHeaderCount += 1
        guard recordHeaderCount == 5 else { return }
        recordHeaderCount = 0
        recordLeft = Int(recordHeader & 0xFFFF)
        isHandshake = recordHeader >> 32 & 0xFF == 22
    }
}
