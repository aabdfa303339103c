/// A parameter, sent in PostgreSQL's binary format.
public enum PostgreSQLValue: Sendable {
    case null
    /// An int8.
    case integer(Int64)
    /// A text in UTF-8. The server refuses U+0000.
    case text([UInt8])
    /// A text[]; nil is NULL.
    case texts([[UInt8]?])
    /// An int8[]; nil is NULL.
    case integers([Int64?])
}

/// A statement with its parameters, `$1` and so on.
public struct PostgreSQLStatement: Sendable {
    let sql: String
    let values: [PostgreSQLValue]

    /// Creates a statement. `sql` is one statement; at most 65,535 values.
    public init(_ sql: String, _ values: [PostgreSQLValue] = []) {
        self.sql = sql
        self.values = values
    }
}

extension PostgreSQLValue {
    /// Object ids of types, from `pg_type.dat`. They never change.
    private enum ObjectID {
        static let unknown: UInt32 = 0
        static let int8: UInt32 = 20
        static let text: UInt32 = 25
        static let textArray: UInt32 = 1009
        static let int8Array: UInt32 = 1016
    }

    /// The object id of the type; 0 for NULL, whose type the server infers.
    var type: UInt32 {
        switch self {
        case .null: ObjectID.unknown
        case .integer: ObjectID.int8
        case .text: ObjectID.text
        case .texts: ObjectID.textArray
        case .integers: ObjectID.int8Array
        }
    }

    /// Bytes of the binary format.
    var byteCount: Int {
        switch self {
        case .null: 0
        case .integer: 8
        case .text(let text): text.count
        case .texts(let texts):
            Self.arrayHeader(texts.count) + texts.reduce(0) { $0 + 4 + ($1?.count ?? 0) }
        case .integers(let integers):
            Self.arrayHeader(integers.count) + integers.reduce(0) { $0 + ($1 == nil ? 4 : 12) }
        }
    }

    /// An array begins with its number of dimensions, a flag, the element's type, and each
    /// dimension's length and lower bound; an empty one has no dimension (array_recv in
    /// arrayfuncs.c).
    private static func arrayHeader(_ count: Int) -> Int { count == 0 ? 12 : 20 }

    /// Appends the binary format, as the type's receive function reads it.
    func append(to bytes: inout [UInt8]) {
        switch self {
        case .null: break
        case .integer(let integer): bytes.appendBigEndian(integer)
        case .text(let text): bytes += text
        case .texts(let texts):
            Self.append(texts, of: ObjectID.text, to: &bytes) { text, bytes in
                bytes.appendBigEndian(Int32(text.count))
                bytes += text
            }
        case .integers(let integers):
            Self.append(integers, of: ObjectID.int8, to: &bytes) { integer, bytes in
                bytes.appendBigEndian(Int32(8))
                bytes.appendBigEndian(integer)
            }
        }
    }

    private static func append<Element>(
        _ elements: [Element?], of type: UInt32, to bytes: inout [UInt8],
        _ append: (Element, inout [UInt8]) -> Void
    ) {
        bytes.appendBigEndian(Int32(elements.isEmpty ? 0 : 1))
        bytes.appendBigEndian(Int32(elements.contains { $0 == nil } ? 1 : 0))
        bytes.appendBigEndian(type)
        guard !elements.isEmpty else { return }
        bytes.appendBigEndian(Int32(elements.count))
        bytes.appendBigEndian(Int32(1))
        for element in elements {
            if let element { append(element, &bytes) } else { bytes.appendBigEndian(Int32(-1)) }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func appendBigEndian(_ integer: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: integer.bigEndian) { append(contentsOf: $0) }
    }
}

/// The parameters of a statement in binary, as libpq takes them.
struct BinaryParameters {
    let types: [UInt32]
    private let bytes: [UInt8]
    /// -1 for NULL.
    private let lengths: [Int32]

    /// The largest field of the protocol; a message's length is an Int32.
    private static let largest = 1 << 30

    /// - Throws: if the values are more than a message can carry.
    init(_ values: [PostgreSQLValue]) throws(PostgreSQLError) {
        types = values.map(\.type)
        let counts = values.map(\.byteCount)
        let total = counts.reduce(0, +)
        guard total <= Self.largest else {
            throw PostgreSQLError(
                sqlState: "54000", message: "a statement's parameters are over 1 GiB")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(total)
        for value in values { value.append(to: &bytes) }
        self.bytes = bytes
        lengths = zip(values, counts).map { value, count in
            if case .null = value { -1 } else { Int32(count) }
        }
    }

    /// Lends the parameters as libpq takes them; the last are their formats.
    func withPointers<Result>(
        _ body: (
            _ count: Int32, _ values: UnsafePointer<UnsafePointer<CChar>?>?,
            _ lengths: UnsafePointer<Int32>?, _ formats: UnsafePointer<Int32>?
        ) -> Result
    ) -> Result {
        bytes.withUnsafeBufferPointer { buffer in
            // A null pointer would send NULL instead of the empty text.
            let base = buffer.baseAddress ?? ("" as StaticString).utf8Start
            var offset = 0
            let values: [UnsafePointer<CChar>?] = lengths.map { length in
                guard length >= 0 else { return nil }
                defer { offset += Int(length) }
                return UnsafeRawPointer(base + offset).assumingMemoryBound(to: CChar.self)
            }
            let formats = [Int32](repeating: 1, count: lengths.count)
            return body(Int32(lengths.count), values, lengths, formats)
        }
    }
}
