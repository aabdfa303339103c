import CLinux
import Dispatch
import EventStore
import Glibc
import HTTPServer
import LogbookAPI
import Logging

/// Shuts the service down in order: not ready, no new connections, requests in progress answered,
/// the file complete.
struct Shutdown: Sendable {
    let watchers: Watchers
    let server: Server
    let api: LogbookAPI
    let repository: any EventRepository
    /// Seconds between `/readyz` turning 503 and the listeners closing.
    let delay: Double
    /// Seconds for requests in progress to finish.
    let timeout: Double
    let logger: Logger

    private static let commitTimeout = Duration.seconds(5)

    /// Begins the shutdown. The process exits with 0 when it is done.
    func begin() {
        api.beginDraining()
        DispatchQueue.global().asyncAfter(deadline: .now() + delay) {
            watchers.end(timeout: Self.commitTimeout)
            api.endStreams()
            if !server.stop(timeout: .seconds(timeout)) {
                logger.warning("Closed the connections that had not finished in \(timeout) s")
            }
            repository.close()
            logger.info("Shut down")
            exit(0)
        }
    }
}
