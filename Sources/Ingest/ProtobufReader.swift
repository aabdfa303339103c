/// The reason that bytes are not a message.
struct ProtobufError: Error, CustomStringConvertible {
    let description: String
}

/// Reads the fields of a message of Protocol Buffers in the order in which they stand
/// (protobuf.dev/programming-guides/encoding). It allocates nothing and reads nothing twice, so a
/// message costs no more than its bytes; whoever reads messages in messages bounds their depth.
struct ProtobufReader {
    /// A field: a number, and a value of one of four wire types.
    struct Field {
        /// The number, from 1 to 536,870,911.
        let number: UInt64
        fileprivate let value: Value

        /// The value of a varint, a fixed64 or a fixed32.
        func integer() throws(ProtobufError) -> UInt64 {
            guard case .integer(let integer) = value else { throw wrongType("a number") }
            return integer
        }

        /// The bytes of a string, of bytes, or of a message.
        func bytes() throws(ProtobufError) -> UnsafeRawBufferPointer {
            guard case .bytes(let bytes) = value else { throw wrongType("bytes") }
            return bytes
        }

        /// A string, in which U+FFFD replaces what is not UTF-8.
        func text() throws(ProtobufError) -> String {
            String(decoding: try bytes(), as: UTF8.self)
        }

        private func wrongType(_ wanted: String) -> ProtobufError {
            ProtobufError(description: "field \(number) must be \(wanted)")
        }
    }

    fileprivate enum Value {
        case integer(UInt64)
        case bytes(UnsafeRawBufferPointer)
    }

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Reads the next field; nil at the end.
    mutating func next() throws(ProtobufError) -> Field? {
        guard position < bytes.count else { return nil }
        let key = try varint()
        guard key >> 3 > 0, key >> 3 < 1 << 29 else {
            throw ProtobufError(description: "a field has the number \(key >> 3)")
        }
        let value: Value
        switch key & 7 {
        case 0: value = .integer(try varint())
        case 1: value = .integer(try fixed(8))
        case 2: value = .bytes(try take(try varint()))
        case 5: value = .integer(try fixed(4))
        default:
            throw ProtobufError(description: "field \(key >> 3) has the wire type \(key & 7)")
        }
        return Field(number: key >> 3, value: value)
    }

    private mutating func varint() throws(ProtobufError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            guard position < bytes.count else { throw Self.tooShort }
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw ProtobufError(description: "a number has more than ten bytes")
    }

    private mutating func fixed(_ count: Int) throws(ProtobufError) -> UInt64 {
        try take(UInt64(count)).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func take(_ count: UInt64) throws(ProtobufError) -> UnsafeRawBufferPointer {
        guard count <= UInt64(bytes.count - position) else { throw Self.tooShort }
        let start = position
        position += Int(count)
        return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    }

    private static let tooShort = ProtobufError(description: "it ends in the middle of a field")
}
