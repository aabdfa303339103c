import CSQLite

/// A failed call to SQLite, with its extended result code (https://sqlite.org/rescode.html).
public struct SQLiteError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The extended code, such as 1555, `SQLITE_CONSTRAINT_PRIMARYKEY`.
    public let extendedCode: Int32
    /// The connection's message.
    public let message: String

    /// Creates an error.
    public init(extendedCode: Int32, message: String) {
        self.extendedCode = extendedCode
        self.message = message
    }

    /// The low byte of the extended code, such as `SQLITE_FULL`.
    public var code: Int32 { extendedCode & 0xFF }

    /// SQLite's text for the extended code, and the connection's message.
    public var description: String {
        "SQLite error \(extendedCode) (\(String(cString: sqlite3_errstr(extendedCode)))): \(message)"
    }

    /// True if the file is not a database or its content contradicts itself.
    public var isDamage: Bool { code == SQLITE_CORRUPT || code == SQLITE_NOTADB }

    /// True if a virtual table's stored content contradicts itself or its input:
    /// SQLITE_CORRUPT_VTAB.
    public var isDamageOfIndex: Bool { extendedCode == SQLITE_CORRUPT | 1 << 8 }

    /// True if a file could not be read or written.
    public var isDiskTrouble: Bool { code == SQLITE_IOERR || code == SQLITE_CANTOPEN }

    /// True if a file could not be synced.
    public var isFailedSync: Bool { extendedCode == Self.notSynced }

    /// The extended code of a file that cannot be synced, SQLITE_IOERR_FSYNC.
    public static let notSynced = SQLITE_IOERR | 4 << 8

    /// The primary code of a file that is not a database.
    public static let notADatabase = SQLITE_NOTADB

    /// The primary code of a file whose content contradicts itself.
    public static let corrupt = SQLITE_CORRUPT

    /// The primary code of interrupted work.
    public static let interrupt = SQLITE_INTERRUPT

    /// The primary code of a file that cannot be opened.
    public static let cannotOpen = SQLITE_CANTOPEN

    /// The extended code of a folder that cannot be synced, SQLITE_IOERR_DIR_FSYNC.
    public static let folderNotSynced = SQLITE_IOERR | 5 << 8

    /// The primary code of a full disk.
    public static let full = SQLITE_FULL

    /// True if another connection holds a lock that the work needs.
    public var isBusy: Bool { code == SQLITE_BUSY }

    /// True if `Connection.interruptWhen` stopped the work.
    public var isInterrupt: Bool { code == SQLITE_INTERRUPT }
}
