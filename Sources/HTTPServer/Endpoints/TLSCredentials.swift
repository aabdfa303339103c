public import Logging
import System
public import TLS

/// The credentials of a TLS listener. A successful reload replaces them for new connections; a
/// failed one changes nothing.
public final class TLSCredentials: Sendable {
    private let configuration: TLSConfiguration
    private let logger: Logger
    private let context: FileValue<TLSContext>

    /// Reads the files.
    ///
    /// - Throws: if one is missing or invalid, or does not fit the others.
    public init(_ configuration: TLSConfiguration, logger: Logger) throws(TLSError) {
        self.configuration = configuration
        self.logger = logger
        context = try FileValue(of: configuration.paths) { () throws(TLSError) in
            try TLSContext(configuration)
        }
        // Not an error: a service with a wrong clock, or with clients that do not mind, is better
        // than none.
        if let expiry = current.expiry {
            logger.warning("Clients will refuse \(configuration.certificatePath): \(expiry)")
        }
    }

    var current: TLSContext { context.current }

    /// Reads the files again if one has changed.
    public func reloadIfChanged() {
        if context.hasChanged { reload() }
    }

    /// Reads the files again.
    public func reload() {
        do throws(TLSError) {
            try context.update { () throws(TLSError) in
                let context = try TLSContext(configuration)
                if let expiry = context.expiry {
                    throw TLSError("use \(configuration.certificatePath)", reason: expiry)
                }
                return context
            }
            logger.info("TLS certificate reloaded from \(configuration.certificatePath)")
        } catch {
            logger.error("The old TLS certificate stays in use: \(error)")
        }
    }
}
