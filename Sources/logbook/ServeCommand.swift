import Access
import ArgumentParser
import CLinux
import Dispatch
import EventStore
import Events
import Glibc
import HTTPServer
import Kubernetes
import LogbookAPI
import Logging
import PostgreSQLStore
import SQLiteStore
import System
import TLS

/// `logbook serve`
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the HTTP interface over a database.",
        discussion: """
            The database file is made when it is missing, and migrated when it is older. SIGTERM and SIGINT \
            end the service once requests in flight are answered; a second one, a second later or more, \
            ends it at once, and nothing acknowledged is lost either way. SIGHUP loads the TLS certificate and the access \
            file anew.

            Each flag has a variable: --max-body-bytes is LOGBOOK_MAX_BODY_BYTES. Times take a unit (30s, 5m, 1w; without one, seconds), and so do sizes (4Gi, 512Mi, 100k).

            Example: logbook serve --listen 127.0.0.1:8080 --database /data/logbook.db
            """)

    @OptionGroup
    var listening: ListenOptions

    @OptionGroup
    var access: AccessOptions

    @OptionGroup
    var keeping: RetentionOptions

    @OptionGroup
    var kubernetes: KubernetesOptions

    @OptionGroup
    var senders: SenderOptions

    @OptionGroup
    var streaming: StreamOptions

    @OptionGroup
    var storing: StoreOptions

    @Option(help: "The number of event loops, each a thread; 0 is one per core.")
    var eventLoops = 0

    @OptionGroup
    var limits: LimitOptions

    @Option(
        help:
            "Seconds to wait for another process, such as an older one that is ending, to release the database. (default: 5.0)",
        transform: Units.seconds)
    var lockTimeout = 5.0

    @Option(
        help:
            "Open a database on a network file system, where it may lose events (true or false).")
    var allowNetworkFilesystem = false

    @Option(
        help:
            "Bytes reserved on the disk, so that events can be deleted when it is full; at most a quarter of the volume. 0 reserves none. (default: \(32 * 1024 * 1024))",
        transform: Units.size)
    var diskReserveBytes = 32 * 1024 * 1024

    @Option(
        help:
            "Keep a copy of an older file before migrating it, if the disk has space (true or false)."
    )
    var backupBeforeMigrate = true

    @Option(
        help:
            "Seconds between SIGTERM, when /readyz becomes 503, and closing the listener. (default: 0.0)",
        transform: Units.seconds)
    var shutdownDelay = 0.0

    @Option(
        help: "Seconds for requests in flight to finish at shutdown. (default: 25.0)",
        transform: Units.seconds)
    var shutdownTimeout = 25.0

    @Option(
        help:
            "The lowest level to log: trace, debug, info, notice, warning (or warn), error, critical.",
        completion: .list(Logger.Level.allCases.map(\.rawValue)))
    var logLevel = "info"

    @Option(
        help: "The format of log lines: text, or json, one object per line.",
        completion: .list(LogFormat.allCases.map(\.rawValue)))
    var logFormat = LogFormat.text.rawValue

    @Option(
        help: "Seconds after which a request is logged as slow. (default: 1.0)",
        transform: Units.seconds)
    var slowRequest = 1.0

    @Option(
        help: ArgumentHelp(
            "Keys in metadata whose values are replaced by [REDACTED] before they are stored, "
                + "separated by commas; off for none.", valueName: "keys"))
    var redactKeys = Redaction.usualKeys.joined(separator: ",")

    @Option(
        help: ArgumentHelp(
            "The cluster of events that name none. (default: none)", valueName: "name"))
    var clusterName = ""

    private var cluster: String? { clusterName.isEmpty ? nil : clusterName }

    @Option(
        help: ArgumentHelp(
            "Folder to read the page at / from for each request, for developing it. "
                + "(default: the built-in page)", valueName: "path"),
        completion: .directory)
    var page: String?

    /// All flags above, for the environment; a test compares them with `--help`.
    static let valueFlags =
        ListenOptions.valueFlags + AccessOptions.valueFlags + LimitOptions.valueFlags
        + RetentionOptions.valueFlags + KubernetesOptions.valueFlags + SenderOptions.valueFlags
        + StreamOptions.valueFlags + StoreOptions.valueFlags + [
            "event-loops", "lock-timeout", "allow-network-filesystem",
            "disk-reserve-bytes", "backup-before-migrate", "shutdown-delay", "shutdown-timeout",
            "log-level", "log-format", "slow-request", "redact-keys", "cluster-name", "page",
        ]

    func validate() throws {
        _ = try level()
        _ = try format()
        guard
            redactedKeys.allSatisfy({ key in
                key.contains(where: \.isLetter)
                    && key.allSatisfy {
                        $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0))
                    }
            })
        else {
            throw ValidationError(
                "--redact-keys must be names such as password,api_key, or off, not '\(redactKeys)'")
        }
        guard clusterName.isEmpty || EventRules.isClusterName(clusterName) else {
            throw ValidationError(
                "--cluster-name must have at most \(EventRules.nameCharacters) characters")
        }
        if let page, Glibc.access(page + "/index.html", R_OK) != 0 {
            throw ValidationError("--page must be a folder with the page's files, not '\(page)'")
        }
        try check(slowRequest, in: 0...86_400, "slow-request")
        try check(eventLoops, in: 0...256, "event-loops")
        try check(diskReserveBytes, in: 0...1_099_511_627_776, "disk-reserve-bytes")
        try check(lockTimeout, in: 0...3600, "lock-timeout")
        try check(shutdownDelay, in: 0...3600, "shutdown-delay")
        try check(shutdownTimeout, in: 0...3600, "shutdown-timeout")
        try access.check(listening)
    }

    private func level() throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: logLevel == "warn" ? "warning" : logLevel) else {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--log-level must be one of \(levels), not '\(logLevel)'")
        }
        return level
    }

    private var redactedKeys: [String] {
        redactKeys.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    private var redaction: Redaction? {
        redactKeys == "off" ? nil : Redaction(keys: redactedKeys)
    }

    private func format() throws -> LogFormat {
        guard let format = LogFormat(rawValue: logFormat) else {
            throw ValidationError("--log-format must be text or json, not '\(logFormat)'")
        }
        return format
    }

    func run() throws {
        var signals = Signals()
        let level = try level()
        let format = try format()
        let logger = Logger.lines(format, level: level)
        raiseDescriptorLimit(logger)
        // glibc gives almost every thread its own heap, which keeps the memory that it once needed.
        // With two heaps, full writing takes 82 MB instead of 139 (docs/performance.md).
        clinux_share_heaps(2)
        let loops = eventLoops > 0 ? eventLoops : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        // Everything else has the default shown by --help.
        let arguments = try Environment.extend(Array(CommandLine.arguments.dropFirst()))
        let (repository, engine) = try makeRepository(logger)
        logger.info(
            "Logbook \(Version.text) with \(engine) on \(loops) event loops: \(arguments.joined(separator: " "))"
        )
        let watchers = try orExit(logger) { () throws(SystemError) in
            try Watchers { [kubernetes, cluster, redaction] () throws(SystemError) in
                try kubernetes.watchers(
                    repository, cluster: cluster, redaction: redaction,
                    logger: logger, now: Timestamp.now)
            }
        }
        let api = LogbookAPI(
            repository, loops: loops, bodyLimit: limits.maxBodyBytes, streams: streaming.maxStreams,
            heartbeat: .seconds(streaming.streamHeartbeat), redaction: redaction,
            clusterName: cluster, leastSeverities: try senders.leastSeverities,
            version: Version.text,
            pageFolder: page, sources: { watchers.reports }, now: Timestamp.now)
        let credentials = try orExit(logger) { () throws(TLSError) in
            try listening.credentials(logger)
        }
        let control = try orExit(logger) { () throws(AccessError) in try access.control(logger) }
        try access.warn(listening, logger)
        let endpoints = try listening.endpoints(credentials, probes: LogbookAPI.probePaths)
        var configuration = ServerConfiguration(endpoints: endpoints, loops: loops)
        configuration.access = control
        configuration.hosts = listening.hosts
        configuration.maxConnections = limits.maxConnections
        configuration.limits = limits.http
        configuration.slowRequest = .seconds(slowRequest)
        configuration.afterTurn = api.endTurn
        configuration.renderError = { error, route, response in
            LogbookAPI.renderError(error, route: route, &response)
        }
        let server = Server(configuration, router: Router(api.routes), logger: logger)
        // Replies wait in the loops' inboxes until all of a commit are there.
        repository.commits.subscribe { server.wake() }
        // The listener opens before the database: probes are answered during a long migration.
        try orExit(logger) { () throws(SystemError) in try server.start() }
        watchers.follow(repository.leadership, logger)
        DispatchQueue.global().async { Self.open(repository, logger) }
        let reloads = Reloads(credentials: credentials, access: control, api: api)
        let watch = reloads.watch(every: listening.reloadInterval)
        let shutdown = Shutdown(
            watchers: watchers, server: server, api: api, repository: repository,
            delay: shutdownDelay,
            timeout: shutdownTimeout, logger: logger)
        withExtendedLifetime(watch) {
            answer(&signals, shutdown, reloads, logger)
        }
    }

    /// Nanoseconds within which a second signal counts as the first one.
    private static let secondSignalPause: UInt64 = 1_000_000_000

    /// Handles signals until the process ends.
    private func answer(
        _ signals: inout Signals, _ shutdown: Shutdown, _ reloads: Reloads, _ logger: Logger
    ) -> Never {
        var begun: UInt64?
        while true {
            let signal = signals.next()
            let now = clinux_monotonic_nanoseconds()
            if signal == SIGHUP {
                reloads.reload()
            } else if let begun {
                // An impatient script, or a shell and a supervisor, may send two for one.
                guard now - begun >= Self.secondSignalPause else { continue }
                logger.warning("A second signal: ending at once")
                LogOutput.standardError.flush()
                // Everything acknowledged has been synced.
                _exit(1)
            } else {
                logger.info("Signal \(signal): shutting down")
                begun = now
                shutdown.begin()
            }
        }
    }

    private static func open(
        _ repository: any EventRepository, _ logger: Logger
    ) {
        do throws(SchemaError) {
            try repository.open()
        } catch {
            logger.critical("\(error.message)")
            if case .refused = error { Glibc.exit(ExitCode.refused.rawValue) }
        }
    }

    /// Ends the program if `body` fails, with the reason in the log.
    private func orExit<Result, Failure: Error>(
        _ logger: Logger, _ body: () throws(Failure) -> Result
    ) throws -> Result {
        do throws(Failure) {
            return try body()
        } catch {
            logger.critical("\(error)")
            throw ExitCode.failure
        }
    }

    /// The store, and the name and version of its engine.
    private func makeRepository(_ logger: Logger) throws -> (any EventRepository, engine: String) {
        guard let address = try storing.address else {
            let configuration = try storeConfiguration
            // The folder where SQLite sorts and vacuums. A read-only root file system has no other
            // place, and memory has no space for a large file. Set before there is a second thread.
            setenv("SQLITE_TMPDIR", configuration.folder, 0)
            return (
                SQLiteRepository(configuration, logger: logger, now: Timestamp.now),
                "SQLite \(SQLiteRepository.sqliteVersion)"
            )
        }
        var configuration = PostgreSQLConfiguration(address: address)
        configuration.retention = try keeping.retention
        configuration.requiresReplication = storing.requireReplication ?? false
        configuration.queuedEvents = limits.maxQueuedEvents
        configuration.queuedBytes = limits.maxQueuedBytes
        configuration.queryTimeLimit = .seconds(limits.queryTimeout)
        if configuration.retention.bytes != nil {
            logger.warning("--max-database-bytes has no effect with --store: use --max-events")
        }
        return (PostgreSQLRepository(configuration, logger: logger), "\(address)")
    }

    private var storeConfiguration: StoreConfiguration {
        get throws {
            var configuration = StoreConfiguration(path: storing.path)
            configuration.backsUpBeforeMigration = backupBeforeMigrate
            configuration.lockTimeout = .seconds(lockTimeout)
            configuration.allowsNetworkFileSystem = allowNetworkFilesystem
            configuration.reserveBytes = diskReserveBytes
            configuration.walBytes = keeping.maxWalBytes
            configuration.retention = try keeping.retention
            limits.apply(to: &configuration)
            return configuration
        }
    }

    /// Raises the limit, because each connection is a descriptor, and the usual soft limit is lower
    /// than --max-connections.
    private func raiseDescriptorLimit(_ logger: Logger) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        let wanted = rlim_t(limits.maxConnections + 384)
        guard limit.rlim_cur < wanted else { return }
        limit.rlim_cur = min(wanted, limit.rlim_max)
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0,
            limit.rlim_cur == wanted
        else {
            logger.warning(
                "The limit on open files (\(limit.rlim_max)) is lower than --max-connections needs")
            return
        }
    }
}
