import Glibc
import Logging
import Synchronization

/// What a TLS listener serves with now. A reload that succeeds swaps it for new connections; one
/// that fails changes nothing.
public final class TLSCredentials: Sendable {
    private let configuration: TLSConfiguration
    private let logger: Logger
    private let state: Mutex<State>

    private struct State {
        var context: TLSContext
        var files: [FileIdentity]
    }

    /// What tells that a file has been replaced or rewritten.
    private struct FileIdentity: Equatable {
        let device, inode: UInt64
        let size, seconds, nanoseconds: Int

        init(_ path: String) {
            var file = stat()
            guard stat(path, &file) == 0 else {
                (device, inode, size, seconds, nanoseconds) = (0, 0, 0, 0, 0)
                return
            }
            device = UInt64(file.st_dev)
            inode = UInt64(file.st_ino)
            size = Int(file.st_size)
            seconds = file.st_mtim.tv_sec
            nanoseconds = file.st_mtim.tv_nsec
        }
    }

    /// Reads the files.
    ///
    /// - Throws: when one is missing, is not what it should be, or does not fit the others.
    public init(_ configuration: TLSConfiguration, logger: Logger) throws(TLSError) {
        self.configuration = configuration
        self.logger = logger
        // Before the files are read: what changes meanwhile is read again.
        let files = configuration.paths.map(FileIdentity.init)
        let context = try TLSContext(configuration)
        state = Mutex(State(context: context, files: files))
        // Not refused: a service with a wrong clock, or with clients that do not mind, is better
        // than none.
        if let expiry = context.expiry {
            logger.warning("Clients will refuse \(configuration.certificatePath): \(expiry)")
        }
    }

    var current: TLSContext { state.withLock { $0.context } }

    /// Reads the files again if one has changed.
    public func reloadIfChanged() {
        let files = configuration.paths.map(FileIdentity.init)
        guard state.withLock({ $0.files != files }) else { return }
        reload()
    }

    /// Reads the files again.
    public func reload() {
        let files = configuration.paths.map(FileIdentity.init)
        do {
            let context = try TLSContext(configuration)
            if let expiry = context.expiry {
                throw TLSError("use \(configuration.certificatePath)", reason: expiry)
            }
            state.withLock { $0 = State(context: context, files: files) }
            logger.info("TLS certificate reloaded from \(configuration.certificatePath)")
        } catch {
            // Remembered all the same, so that the error is logged once a change.
            state.withLock { $0.files = files }
            logger.error("The TLS certificate stays the old one: \(error)")
        }
    }
}
