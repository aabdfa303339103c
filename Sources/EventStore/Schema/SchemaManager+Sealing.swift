import Glibc
import SQLite

/// What another program has written to a file has no checksums. Whether it is in order only a look at
/// all of it can tell; then its pages are sealed: they get the checksums that they should have.
extension SchemaManager {
    /// Is there while the WAL may hold what no process of ours has moved into the file. `CChecksums` makes
    /// and removes it.
    private static func mark(of path: String) -> String { path + "-unsealed" }

    /// Whether somebody else has moved the WAL into the file after a process of ours was killed; or one of
    /// ours was, between the one and removing the mark.
    static func isUnsealed(_ path: String) -> Bool {
        var file = stat()
        return stat(mark(of: path), &file) == 0 && StoreSizes.file(path) > 0
            && StoreSizes.file(path + "-wal") == 0
    }

    /// Looks through the whole file, and seals the pages that do not match their checksums. Broken off
    /// at any instant it begins anew: the mark goes last.
    ///
    /// - Parameter willBegin: told the version of the file before the work begins.
    /// - Returns: how many pages there were.
    /// - Throws: `refused` where the file is not in order, or not ours; then it has not been changed.
    func seal(willBegin: (Int) -> Void = { _ in }) throws(SchemaError) -> Int {
        let sealed: Int
        do {
            sealed = try sealPages(willBegin)
        } catch let error as SchemaError {
            throw error
        } catch let error as SQLiteError where error.code == SQLiteError.corrupt {
            throw .refused(SchemaError.damaged(path, error))
        } catch let error as SQLiteError {
            throw SchemaError(inspecting: path, error)
        } catch {
            preconditionFailure("SchemaError and SQLiteError are all that is thrown here: \(error)")
        }
        // Not while a connection has the file: closing a descriptor lets go of its locks.
        try UnfinishedFile.sync(path)
        unlink(Self.mark(of: path))
        if sealed > 0 {
            logger.warning(
                "Another program has written to \(path): its content is in order, and \(sealed) pages got their checksums"
            )
        }
        return sealed
    }

    private func sealPages(_ willBegin: (Int) -> Void) throws -> Int {
        let connection = try Connection(path, .unverified)
        // Where this ends early the file is left as it is.
        if StoreSizes.file(path + "-wal") > 0 { connection.keepWALOnClose() }
        connection.setBusyTimeout(milliseconds: 5000)
        willBegin(try identify(connection))
        guard connection.hasChecksums else { return 0 }
        logger.notice(
            "Looking through \(path), \(StoreSizes.file(path)) bytes, for another program may have written to it"
        )
        try connection.check(.integrity)
        try connection.checkpoint(.truncate)
        var sealed = 0
        for page in 1...max(1, connection.checkablePages) where try connection.sealPage(page) {
            sealed += 1
        }
        return sealed
    }
}
