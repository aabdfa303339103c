public import EventStore
public import Events
public import HTTPServer
public import Ingest
import Logging
import Synchronization

/// The HTTP interface to a store: its routes and their answers.
public final class LogbookAPI: Sendable {
    let repository: any EventRepository
    let readers: LoopReaders
    let liveTail: LiveTail
    let now: @Sendable () -> Timestamp
    let bodyLimit: Int
    let version: String
    let page: Page
    let sources: @Sendable () -> [SourceReport]
    /// The options for reading events.
    let ingestOptions: IngestOptions
    /// Bytes of bodies that are being read outside the event loops.
    let ingestion: Mutex<FairShare>
    let rejections = Rejections()
    /// The counts of each of `SenderFormats.all`.
    let senderFigures = SenderFormats.all.map { _ in SenderFigures() }
    /// The least severity that is stored, by the name of a format.
    let leastSeverities: [String: Severity]
    private let draining = Atomic<Bool>(false)

    /// Creates the interface.
    ///
    /// - Parameters:
    ///   - loops: the number of event loops that will call the handlers.
    ///   - bodyLimit: the longest JSON body, in bytes.
    ///   - streams: the most live streams at a time.
    ///   - heartbeat: the interval at which each of them sends a heartbeat.
    ///   - redaction: removes values from the metadata of incoming events.
    ///   - clusterName: the cluster of events that name none.
    ///   - leastSeverities: by the name of a format, the least severity that is stored.
    ///   - version: the program's version, for its metrics.
    ///   - pageFolder: the folder to read the page's files from for each request; nil serves the embedded ones.
    ///   - sources: returns the state of what Logbook itself asks for events.
    ///   - now: the time of events without one.
    public init(
        _ repository: any EventRepository, loops: Int, bodyLimit: Int, streams: Int,
        heartbeat: Duration, redaction: Redaction?, clusterName: String? = nil,
        leastSeverities: [String: Severity] = [:], version: String, pageFolder: String? = nil,
        sources: @escaping @Sendable () -> [SourceReport] = { [] },
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.repository = repository
        self.version = version
        page = Page(folder: pageFolder)
        self.sources = sources
        ingestOptions = IngestOptions(cluster: clusterName, redaction: redaction)
        self.leastSeverities = leastSeverities
        self.bodyLimit = bodyLimit
        self.now = now
        ingestion = Mutex(FairShare(total: max(bodyLimit, Self.ingestedLimit)))
        readers = LoopReaders(repository, loops: loops)
        liveTail = LiveTail(readers, loops: loops, slots: streams, heartbeat: heartbeat)
        repository.commits.subscribe { [weak self] in self?.liveTail.noteCommit() }
    }

    /// Every route of the service.
    public var routes: [Route] {
        let routes =
            eventRoutes + streamRoutes + exportRoutes + schemaRoutes + backupRoutes + healthRoutes
            + sourceRoutes + senderRoutes + metricsRoutes + statisticsRoutes + contractRoutes
            + [pageRoute]
        // The contract of the last ones is Kubernetes' own.
        return routes + [indexRoute(of: routes)] + kubernetesRoutes
    }

    /// The paths that are answered from memory and reveal nothing of the events.
    public static let probePaths = ["/schema/version", "/healthz", "/readyz", "/metrics"]

    /// Makes `/readyz` report that traffic should go elsewhere.
    public func beginDraining() { draining.store(true, ordering: .relaxed) }

    /// Called at the end of each wake-up of an event loop, with its index.
    @Sendable public func endTurn(_ loopIndex: Int) { readers.endTurn(loopIndex) }

    /// Makes live streams send something, which makes the server check their access again.
    public func noteAccessChange() { liveTail.beat() }

    /// Ends live streams. Their clients reconnect once the service runs again, here or elsewhere.
    public func endStreams() { liveTail.end() }

    var isDraining: Bool { draining.load(ordering: .relaxed) }
}
