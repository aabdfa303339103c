import Dispatch
import Glibc
import Logging
import SQLite
import Synchronization

/// The copies that a server makes of its own database, one at a time.
final class OnlineBackups: Sendable {
    private let database: String
    private let logger: Logger
    private let isBusy = Mutex(false)

    private var copyPath: String { database + ".backup" }

    /// A copy that an earlier process did not finish is removed.
    init(database: String, logger: Logger) {
        self.database = database
        self.logger = logger
        unlink(copyPath)
    }

    /// Makes a copy, checks it, and lends it: the next one can be made when it is given back.
    func make(
        _ writer: EventWriter,
        _ completion: @escaping @Sendable (Result<BackupFile, StoreError>) -> Void
    ) {
        let wasBusy = isBusy.withLock { isBusy in
            defer { isBusy = true }
            return isBusy
        }
        guard !wasBusy else {
            return completion(.failure(.unavailable("a backup is being made or fetched already")))
        }
        guard hasRoom else {
            return end(.unavailable("the disk has no room for a copy of the database"), completion)
        }
        unlink(copyPath)
        writer.backUp(to: copyPath) { [self] result in
            DispatchQueue.global(qos: .utility).async { [self] in
                do throws(SQLiteError) {
                    lend(try result.get(), completion)
                } catch {
                    logger.error("The backup failed: \(error)")
                    end(
                        error.isDamage
                            ? .damaged
                            : .unavailable("the copy could not be made; the log says why"),
                        completion)
                }
            }
        }
    }

    private func lend(
        _ lastSeq: Int64, _ completion: @Sendable (Result<BackupFile, StoreError>) -> Void
    ) {
        do throws(SchemaError) {
            let copy = try DatabaseCopy(checking: copyPath, lastSeq: lastSeq, logger: logger)
            let file = try BackupFile(taking: copyPath, copy) { [self] in
                isBusy.withLock { $0 = false }
            }
            logger.info(
                "Made a backup: \(copy.events) events, schema version \(copy.version), \(copy.bytes) bytes"
            )
            completion(.success(file))
        } catch {
            logger.error("The backup is not good: \(error.message)")
            end(.damaged, completion)
        }
    }

    private func end(
        _ error: StoreError, _ completion: @Sendable (Result<BackupFile, StoreError>) -> Void
    ) {
        unlink(copyPath)
        isBusy.withLock { $0 = false }
        completion(.failure(error))
    }

    /// Whether the disk has room for the file as it is and half as much again, which it may gain.
    private var hasRoom: Bool {
        var file = stat()
        var volume = statvfs()
        guard stat(database, &file) == 0, statvfs(database, &volume) == 0 else { return false }
        let free = UInt64(volume.f_bavail) * UInt64(volume.f_frsize)
        return free > UInt64(file.st_size) / 2 * 3
    }
}
