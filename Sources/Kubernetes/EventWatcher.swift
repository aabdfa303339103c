import Dispatch
public import EventStore
import HTTPClient
public import Ingest
public import Logging
import Synchronization
public import System

/// Watches the Events of a cluster, or of one of its namespaces, and stores each revision.
///
/// Each start lists all events, because the store knows the ones that it has (docs/kubernetes.md).
public final class EventWatcher: Sendable {
    let configuration: WatchConfiguration
    let repository: any EventRepository
    let clock: WatchClock
    let logger: Logger
    let cancellation: Cancellation
    private let status: Mutex<SourceReport>
    private let ended = DispatchGroup()

    /// Prepares a watcher; `start` starts it.
    ///
    /// - Throws: if there is no descriptor left.
    public init(
        _ configuration: WatchConfiguration, repository: any EventRepository,
        clock: WatchClock, logger: Logger
    ) throws(SystemError) {
        self.configuration = configuration
        self.repository = repository
        self.clock = clock
        self.logger = logger
        cancellation = try Cancellation()
        status = Mutex(
            SourceReport(
                name: configuration.name, kind: "kubernetes",
                server: "\(configuration.server.address)", now: clock.wall()))
    }

    /// The watcher's state and figures.
    public var report: SourceReport { status.withLock { $0 } }

    /// Starts on a thread of its own. The store must be in service.
    public func start() {
        let queue = DispatchQueue(label: "logbook.\(configuration.name)")
        queue.async(group: ended) { WatchLoop(self).run() }
    }

    /// Ends it at once, apart from a commit in progress.
    public func cancel() { cancellation.cancel() }

    /// Ends it and waits for that.
    ///
    /// - Parameter timeout: the limit of the wait for a commit.
    public func stop(timeout: Duration) {
        cancel()
        _ = ended.wait(timeout: .now() + timeout.inSeconds)
    }

    func update(_ body: (inout SourceReport) -> Void) { status.withLock { body(&$0) } }
}
