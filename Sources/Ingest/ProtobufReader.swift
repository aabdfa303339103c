/// Reads one message in the wire format of protocol buffers
/// (https://protobuf.dev/programming-guides/encoding/), field by field, from bytes of any origin.
///
///     var reader = ProtobufReader(bytes)
///     while let field = try reader.next() {
///         switch field.number {
///         case 1: let text = try field.bytes()
///         case 2: let count = try field.varint()
///         default: break  // A field of a later version.
///         }
///     }
///
/// Nothing is copied: the bytes of a field point into the message. A message in a message is the
/// bytes of its field, read by another reader, so whoever reads them has to limit their depth.
struct ProtobufReader {
    /// A field that was read whole.
    struct Field {
        let number: Int
        private let value: Value

        fileprivate enum Value {
            case varint(UInt64)
            case fixed64(UInt64)
            case bytes(UnsafeRawBufferPointer)
            case fixed32(UInt32)
        }

        fileprivate init(_ number: Int, _ value: Value) {
            self.number = number
            self.value = value
        }

        /// A string, bytes, or a message.
        func bytes() throws(ProtobufError) -> UnsafeRawBufferPointer {
            guard case .bytes(let bytes) = value else { throw wrongType("a length") }
            return bytes
        }

        /// A text; U+FFFD replaces what is not UTF-8.
        func text() throws(ProtobufError) -> String {
            String(decoding: try bytes(), as: UTF8.self)
        }

        /// An integer, an enumeration or a boolean.
        func varint() throws(ProtobufError) -> UInt64 {
            guard case .varint(let number) = value else { throw wrongType("a varint") }
            return number
        }

        func fixed64() throws(ProtobufError) -> UInt64 {
            guard case .fixed64(let number) = value else { throw wrongType("8 bytes") }
            return number
        }

        func fixed32() throws(ProtobufError) -> UInt32 {
            guard case .fixed32(let number) = value else { throw wrongType("4 bytes") }
            return number
        }

        private func wrongType(_ wanted: String) -> ProtobufError {
            ProtobufError(description: "field \(number) is not written as \(wanted)")
        }
    }

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    /// Starts at the first byte of a message. The bytes must stay alive and unchanged while they
    /// are read.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Reads the next field; nil at the end of the message.
    mutating func next() throws(ProtobufError) -> Field? {
        guard position < bytes.count else { return nil }
        let tag = try varint()
        guard tag >> 3 > 0, let number = Int(exactly: tag >> 3), number < 1 << 29 else {
            throw ProtobufError(description: "there is no field \(tag >> 3)")
        }
        switch tag & 7 {
        case 0: return Field(number, .varint(try varint()))
        case 1:
            let raw = try take(8)
            return Field(
                number, .fixed64(UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self))))
        case 2:
            let length = try varint()
            guard length <= UInt64(bytes.count - position) else { throw Self.cutOff }
            return Field(number, .bytes(try take(Int(length))))
        case 5:
            let raw = try take(4)
            return Field(
                number, .fixed32(UInt32(littleEndian: raw.loadUnaligned(as: UInt32.self))))
        default:
            throw ProtobufError(description: "field \(number) has the unknown type \(tag & 7)")
        }
    }

    private mutating func varint() throws(ProtobufError) -> UInt64 {
        var value: UInt64 = 0
        for place in 0..<10 {
            guard position < bytes.count else { throw Self.cutOff }
            let byte = bytes[position]
            position += 1
            // The tenth byte has one bit left.
            guard place < 9 || byte <= 1 else { break }
            value |= UInt64(byte & 0x7F) << UInt64(7 * place)
            if byte < 0x80 { return value }
        }
        throw ProtobufError(description: "a number is longer than 64 bits")
    }

    private mutating func take(_ count: Int) throws(ProtobufError) -> UnsafeRawBufferPointer {
        guard bytes.count - position >= count else { throw Self.cutOff }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    private static let cutOff = ProtobufError(description: "the message breaks off")
}

/// An error in the wire format.
struct ProtobufError: Error, CustomStringConvertible {
    let description: String
}
