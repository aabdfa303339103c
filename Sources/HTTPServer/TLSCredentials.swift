import Logging
import System
import TLS

/// What a TLS listener serves with now. A reload that succeeds swaps it for new connections; one
/// that fails changes nothing.
public final class TLSCredentials: Sendable {
    private let configuration: TLSConfiguration
    private let logger: Logger
    private let context: FileValue<TLSContext>

    /// Reads the files.
    ///
    /// - Throws: when one is missing, is not what it should be, or does not fit the others.
    public init(_ configuration: TLSConfiguration, logger: Logger) throws(TLSError) {
        self.configuration = configuration
        self.logger = logger
        context = try FileValue(of: configuration.paths) { () throws(TLSError) in
            try TLSContext(configuration)
        }
        // Not refused: a service with a wrong clock, or with clients that do not mind, is better
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
            logger.error("The TLS certificate stays the old one: \(error)")
        }
    }
}
