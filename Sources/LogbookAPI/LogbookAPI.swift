import EventStore
import Events
import HTTPServer
import Logging
import Synchronization

/// The HTTP interface to a store: its routes, and what they answer.
public final class LogbookAPI: Sendable {
    let repository: any EventRepository
    let readers: LoopReaders
    let liveTail: LiveTail
    let now: @Sendable () -> Timestamp
    let bodyLimit: Int
    let version: String
    let redaction: Redaction?
    /// Bytes of bodies that are being read elsewhere than on an event loop.
    let ingestion: Mutex<FairShare>
    let rejections = Rejections()
    private let draining = Atomic<Bool>(false)

    /// Creates the interface.
    ///
    /// - Parameters:
    ///   - loops: event loops that will call the handlers.
    ///   - bodyLimit: the longest JSON body, in bytes.
    ///   - streams: live streams at a time.
    ///   - heartbeat: how often each of them sends a sign of life.
    ///   - redaction: what is taken out of the metadata of events that come in.
    ///   - version: of the program, for its metrics.
    ///   - now: the time of events that bring none.
    public init(
        _ repository: any EventRepository, loops: Int, bodyLimit: Int, streams: Int,
        heartbeat: Duration, redaction: Redaction?, version: String,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.repository = repository
        self.version = version
        self.redaction = redaction
        self.bodyLimit = bodyLimit
        self.now = now
        ingestion = Mutex(FairShare(total: max(bodyLimit, Self.ingestedLimit)))
        readers = LoopReaders(repository, loops: loops)
        liveTail = LiveTail(readers, loops: loops, places: streams, heartbeat: heartbeat)
        repository.commits.subscribe { [weak self] in self?.liveTail.noteCommit() }
    }

    /// Every route of the service.
    public var routes: [Route] {
        let routes =
            eventRoutes + streamRoutes + exportRoutes + schemaRoutes + backupRoutes + healthRoutes
            + metricsRoutes + statisticsRoutes + contractRoutes
        return routes + [indexRoute(of: routes)]
    }

    /// What is answered from memory and tells nothing of the events.
    public static let probePaths = ["/schema/version", "/healthz", "/readyz", "/metrics"]

    /// Has `/readyz` say that traffic should go elsewhere.
    public func beginDraining() { draining.store(true, ordering: .relaxed) }

    /// To be called at the end of each wake-up of an event loop, with its number.
    @Sendable public func endTurn(_ loopIndex: Int) { readers.endTurn(loopIndex) }

    /// Has live streams send something, with which the server looks at who may still have them.
    public func noteAccessChange() { liveTail.beat() }

    /// Ends live streams, so that their clients come back, once the service runs again or elsewhere.
    public func endStreams() { liveTail.end() }

    var isDraining: Bool { draining.load(ordering: .relaxed) }
}
