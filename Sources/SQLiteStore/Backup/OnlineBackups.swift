import Dispatch
import EventStore
import Glibc
import Logging
import SQLite
import Synchronization

/// The backups that a server makes of its own database. One is made at a time; two may be on the
/// disk while clients download them, one for each client.
final class OnlineBackups: Sendable {
    private let database: String
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var isMaking = false
        var copies = FairShare(total: 2)
    }

    private var copyPath: String { database + ".backup" }

    /// Removes a copy that an earlier process did not finish.
    init(database: String, logger: Logger) {
        self.database = database
        self.logger = logger
        unlink(copyPath)
    }

    /// Makes a copy for `client`, checks it, and lends it.
    func make(
        _ writer: EventWriter, for client: UInt64,
        _ completion: @escaping @Sendable (Result<any BackupContent, StoreError>) -> Void
    ) {
        let isTaken = state.withLock { state in
            guard !state.isMaking, state.copies.take(for: client) else { return false }
            state.isMaking = true
            return true
        }
        guard isTaken else {
            return completion(
                .failure(.unavailable("a backup is already being made or downloaded")))
        }
        let fail = { @Sendable [self] (error: StoreError) in
            unlink(copyPath)
            state.withLock { state in
                state.isMaking = false
                state.copies.giveBack(from: client)
            }
            completion(.failure(error))
        }
        guard hasRoom else {
            return fail(.unavailable("the disk has no space for a copy of the database"))
        }
        unlink(copyPath)
        writer.backUp(to: copyPath) { [self] result in
            DispatchQueue.global(qos: .utility).async { [self] in
                do throws(SQLiteError) {
                    lend(try result.get(), client, fail, completion)
                } catch {
                    logger.error("The backup failed: \(error)")
                    fail(
                        error.isDamage
                            ? .damaged
                            : .unavailable("the copy could not be made; the log says why"))
                }
            }
        }
    }

    private func lend(
        _ lastSeq: Int64, _ client: UInt64, _ fail: (StoreError) -> Void,
        _ completion: @Sendable (Result<any BackupContent, StoreError>) -> Void
    ) {
        do throws(SchemaError) {
            let copy = try DatabaseCopy(checking: copyPath, lastSeq: lastSeq, logger: logger)
            let file = try BackupFile(taking: copyPath, copy) { [self] in
                state.withLock { $0.copies.giveBack(from: client) }
            }
            // It no longer has a name, so the next one can be made.
            state.withLock { $0.isMaking = false }
            logger.info(
                "Made a backup: \(copy.events) events, schema version \(copy.version), \(copy.bytes) bytes"
            )
            completion(.success(file))
        } catch {
            logger.error("The backup failed its check: \(error.message)")
            fail(.damaged)
        }
    }

    /// True if the disk has space for the current file and half as much again, which it may grow
    /// by.
    private var hasRoom: Bool {
        var file = stat()
        var volume = statvfs()
        guard stat(database, &file) == 0, statvfs(database, &volume) == 0 else { return false }
        let free = UInt64(volume.f_bavail) * UInt64(volume.f_frsize)
        return free > UInt64(file.st_size) / 2 * 3
    }
}
