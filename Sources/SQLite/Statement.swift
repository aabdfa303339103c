import CSQLite

/// A prepared statement. Parameters count from 1, columns from 0, as in SQL.
public final class Statement {
    private let handle: OpaquePointer
    private let connection: Connection

    init(_ connection: Connection, _ sql: String) throws(SQLiteError) {
        var prepared: OpaquePointer?
        guard
            sqlite3_prepare_v3(
                connection.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
                == SQLITE_OK
        else { throw connection.lastError() }
        guard let prepared else {
            throw SQLiteError(
                extendedCode: SQLITE_MISUSE, message: "there is no statement in the text")
        }
        handle = prepared
        self.connection = connection
    }

    deinit { sqlite3_finalize(handle) }

    /// Moves to the next row; false after the last one.
    public func step() throws(SQLiteError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let error = connection.lastError()
            reset()
            throw error
        }
    }

    /// The first column of the first row as a number; nil if there is no row. The statement is then
    /// ready to run again.
    public func number() throws(SQLiteError) -> Int64? {
        defer { reset() }
        return try step() ? integer(0) : nil
    }

    /// Runs a statement that returns no rows, and makes it ready to run again.
    public func run() throws(SQLiteError) {
        _ = try step()
        reset()
    }

    /// Ends reading or writing. A statement that is not reset keeps its snapshot and keeps the WAL
    /// from shrinking.
    public func reset() {
        // The result is the error of the last step, which was already thrown.
        sqlite3_reset(handle)
    }

    // MARK: Parameters

    /// Binds a number.
    public func bind(_ index: Int32, _ value: Int64) throws(SQLiteError) {
        try check(sqlite3_bind_int64(handle, index, value))
    }

    /// Binds text, which is copied; nil is NULL.
    public func bind(_ index: Int32, _ text: String?) throws(SQLiteError) {
        guard var text else { return try bindNull(index) }
        let result = text.withUTF8 { utf8 in
            csqlite_bind_text_copy(handle, index, utf8.baseAddress, UInt64(utf8.count))
        }
        try check(result)
    }

    /// Binds UTF-8 text, which is copied.
    public func bind(_ index: Int32, copying utf8: [UInt8]) throws(SQLiteError) {
        let result = utf8.span.withUnsafeBytes { bytes in
            // A null pointer would bind NULL instead of the empty text.
            let start = bytes.baseAddress ?? UnsafeRawPointer(("" as StaticString).utf8Start)
            return csqlite_bind_text_copy(handle, index, start, UInt64(bytes.count))
        }
        try check(result)
    }

    /// Binds UTF-8 text without copying it; nil is NULL. The bytes must stay alive until the
    /// statement is reset.
    public func bind(_ index: Int32, borrowing utf8: UnsafeRawBufferPointer?) throws(SQLiteError) {
        guard let utf8 else { return try bindNull(index) }
        // A null pointer would bind NULL instead of the empty text.
        let bytes = utf8.baseAddress ?? UnsafeRawPointer(("" as StaticString).utf8Start)
        try check(csqlite_bind_text(handle, index, bytes, UInt64(utf8.count)))
    }

    /// Binds NULL.
    public func bindNull(_ index: Int32) throws(SQLiteError) {
        try check(sqlite3_bind_null(handle, index))
    }

    private func check(_ result: Int32) throws(SQLiteError) {
        guard result == SQLITE_OK else { throw connection.lastError() }
    }

    // MARK: Columns

    /// The number of columns in a row.
    public var columnCount: Int32 { sqlite3_column_count(handle) }

    /// A column as a number.
    public func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    /// True if a column is NULL.
    public func isNull(_ column: Int32) -> Bool {
        sqlite3_column_type(handle, column) == SQLITE_NULL
    }

    /// The storage class of a value, regardless of the column's type
    /// (https://sqlite.org/datatype3.html).
    public enum StorageClass: Sendable {
        case integer, real, text, blob, null
    }

    /// The storage class of a column. Ask before reading it as another type.
    public func storageClass(_ column: Int32) -> StorageClass {
        switch sqlite3_column_type(handle, column) {
        case SQLITE_INTEGER: .integer
        case SQLITE_FLOAT: .real
        case SQLITE_TEXT: .text
        case SQLITE_BLOB: .blob
        default: .null
        }
    }

    /// A column as text; nil for NULL. Bytes that are not UTF-8 become U+FFFD.
    public func text(_ column: Int32) -> String? {
        bytes(column).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A column's bytes, valid until the next step or reset; nil for NULL.
    public func bytes(_ column: Int32) -> UnsafeRawBufferPointer? {
        // The column is looked up once for both. Only this thread uses the connection, so its value
        // is as good as a protected one.
        let value = sqlite3_column_value(handle, column)
        guard let start = sqlite3_value_text(value) else { return nil }
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(value)))
    }
}
