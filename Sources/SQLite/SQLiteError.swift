import CSQLite

/// A call to SQLite that failed, with its extended result code (https://sqlite.org/rescode.html).
public struct SQLiteError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Such as 1555, `SQLITE_CONSTRAINT_PRIMARYKEY`.
    public let extendedCode: Int32
    /// What the connection said of it.
    public let message: String

    /// Names a failure.
    public init(extendedCode: Int32, message: String) {
        self.extendedCode = extendedCode
        self.message = message
    }

    /// The low byte of the extended code, such as `SQLITE_FULL`.
    public var code: Int32 { extendedCode & 0xFF }

    /// The text that SQLite has for the extended code, and the message of the connection.
    public var description: String {
        "SQLite error \(extendedCode) (\(String(cString: sqlite3_errstr(extendedCode)))): \(message)"
    }

    /// The file is no database, or what it holds contradicts itself.
    public var isDamage: Bool { code == SQLITE_CORRUPT || code == SQLITE_NOTADB }

    /// What a virtual table has stored contradicts itself, or what it is told: SQLITE_CORRUPT_VTAB.
    public var isDamageOfIndex: Bool { extendedCode == SQLITE_CORRUPT | 1 << 8 }

    /// A file could not be read or written, whatever it holds.
    public var isDiskTrouble: Bool { code == SQLITE_IOERR || code == SQLITE_CANTOPEN }

    /// A file could not be synced.
    public var isFailedSync: Bool { extendedCode == Self.notSynced }

    /// The extended code of a file that cannot be synced, SQLITE_IOERR_FSYNC.
    public static let notSynced = SQLITE_IOERR | 4 << 8

    /// The primary code of a file that is no database.
    public static let notADatabase = SQLITE_NOTADB

    /// The primary code of a file whose content contradicts itself.
    public static let corrupt = SQLITE_CORRUPT

    /// The primary code of work that was stopped.
    public static let interrupt = SQLITE_INTERRUPT

    /// The primary code of a file that cannot be opened.
    public static let cannotOpen = SQLITE_CANTOPEN

    /// The extended code of a folder that cannot be synced, SQLITE_IOERR_DIR_FSYNC.
    public static let folderNotSynced = SQLITE_IOERR | 5 << 8

    /// The primary code of a disk without room.
    public static let full = SQLITE_FULL

    /// Another connection holds a lock that the work needs.
    public var isBusy: Bool { code == SQLITE_BUSY }

    /// The work was stopped by `Connection.interruptWhen`.
    public var isInterrupt: Bool { code == SQLITE_INTERRUPT }
}
