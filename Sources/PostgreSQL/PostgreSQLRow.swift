import CPostgreSQL

/// A row in binary, lent to the closure that reads it. Columns count from 0.
public struct PostgreSQLRow: ~Copyable {
    private let functions: Functions
    private let result: OpaquePointer

    init(_ functions: Functions, _ result: OpaquePointer) {
        self.functions = functions
        self.result = result
    }

    /// True if a column is NULL.
    public func isNull(_ column: Int) -> Bool {
        functions.pointee.PQgetisnull(result, 0, Int32(column)) == 1
    }

    /// A column of type int2, int4, int8 or bool as a number; 0 for NULL.
    public func integer(_ column: Int) -> Int64 {
        guard let bytes = bytes(column) else { return 0 }
        switch bytes.count {
        case 1: return Int64(bytes[0])
        case 2: return Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
        case 4: return Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        case 8: return Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        default: preconditionFailure("column \(column) is not an integer")
        }
    }

    /// A column of type text or bytea, valid only while the row is lent; nil for NULL.
    public func bytes(_ column: Int) -> UnsafeRawBufferPointer? {
        guard !isNull(column) else { return nil }
        return UnsafeRawBufferPointer(
            start: functions.pointee.PQgetvalue(result, 0, Int32(column)),
            count: Int(functions.pointee.PQgetlength(result, 0, Int32(column))))
    }

    /// A column of type text as a `String`; nil for NULL.
    public func text(_ column: Int) -> String? {
        bytes(column).map { String(decoding: $0, as: UTF8.self) }
    }
}
