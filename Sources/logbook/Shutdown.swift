import Dispatch
import EventStore
import Glibc
import HTTPServer
import LogbookAPI
import Logging

/// Ends the service in order: not ready, no new connections, requests in flight answered, the file
/// whole.
///
/// `@unchecked Sendable`: its state is touched on `queue` alone.
final class Shutdown: @unchecked Sendable {
    private let server: Server
    private let api: LogbookAPI
    private let repository: EventRepository
    private let delay, timeout: Double
    private let logger: Logger
    private let queue = DispatchQueue(label: "logbook.signals")
    private var sources: [any DispatchSourceSignal] = []
    private var hasBegun = false

    init(
        _ server: Server, _ api: LogbookAPI, _ repository: EventRepository, delay: Double,
        timeout: Double,
        logger: Logger
    ) {
        self.server = server
        self.api = api
        self.repository = repository
        self.delay = delay
        self.timeout = timeout
        self.logger = logger
    }

    /// Has SIGTERM and SIGINT end the service. Keeps itself alive.
    func watchSignals() {
        for number in [SIGTERM, SIGINT] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { [self] in received(number) }
            source.activate()
            sources.append(source)
        }
        signal(SIGPIPE, SIG_IGN)
    }

    private func received(_ number: Int32) {
        guard !hasBegun else {
            logger.warning("A second signal: ending at once")
            // What was acknowledged has been synced.
            _exit(1)
        }
        hasBegun = true
        logger.info("Signal \(number): shutting down")
        api.beginDraining()
        DispatchQueue.global().asyncAfter(deadline: .now() + delay) { [self] in
            if !server.stop(timeout: .seconds(timeout)) {
                logger.warning("Connections were closed that had not finished within \(timeout) s")
            }
            repository.close()
            logger.info("Shut down")
            exit(0)
        }
    }
}
