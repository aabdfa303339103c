import ArgumentParser
import EventStore
import HTTPServer

/// The bounds of `serve` that can be set; docs/limits.md lists them with those that cannot.
struct LimitOptions: ParsableArguments {
    @Option(help: "Connections at a time; beyond it, new ones wait.")
    var maxConnections = 4096

    @Option(help: "The longest JSON body, in bytes; more is a 413.")
    var maxBodyBytes = 16 * 1024 * 1024

    @Option(
        help:
            "Bytes in the buffers of all connections together; what goes beyond gets a 503, or is closed."
    )
    var maxBufferedBytes = HTTPLimits().bufferedBytes

    @Option(help: "The longest name of a method, in bytes; more is a 400.")
    var maxMethodBytes = HTTPLimits().methodBytes

    @Option(help: "The longest request target, in bytes; more is a 414.")
    var maxTargetBytes = HTTPLimits().targetBytes

    @Option(help: "The longest header section, and the longest trailers, in bytes; more is a 431.")
    var maxHeaderBytes = HTTPLimits().headerBytes

    @Option(help: "The most header fields, and the most trailer fields; more is a 431.")
    var maxHeaderFields = HTTPLimits().headerFields

    @Option(help: "The longest line before a chunk, extensions included, in bytes; more is a 400.")
    var maxChunkLineBytes = HTTPLimits().chunkLineBytes

    @Option(
        help:
            "What those lines may come to in a body, in bytes, 16 and twice the data free for each chunk; more is a 400."
    )
    var maxChunkOverheadBytes = HTTPLimits().chunkOverheadBytes

    @Option(
        help: "What is read of a body that nobody wants, in bytes; more closes the connection.")
    var maxDrainBytes = HTTPLimits().drainBytes

    @Option(help: "Unsent answers, in bytes, above which a connection is not read from.")
    var maxOutputBytes = HTTPLimits().outputBytes

    @Option(help: "Seconds to receive a header in, from its first byte.")
    var headerTimeout = 10.0

    @Option(help: "Seconds over which a body's speed is taken.")
    var bodyTimeout = 10.0

    @Option(help: "The slowest body, in bytes a second; slower is a 408.")
    var minBodyRate = HTTPLimits().bodyBytesPerSecond

    @Option(help: "Seconds that a connection may rest between requests.")
    var idleTimeout = 75.0

    @Option(help: "Seconds that a client may take no byte of an answer.")
    var writeTimeout = 30.0

    @Option(help: "Seconds that a client gets to read the last answer in and close.")
    var lingerTimeout = 2.0

    @Option(help: "Events that wait to be written, at most; more is a 503.")
    var maxQueuedEvents = 100_000

    @Option(help: "Bytes of events that wait to be written, at most; more is a 503.")
    var maxQueuedBytes = 64 * 1024 * 1024

    @Option(
        help:
            "Events in one transaction, and the rest of the last request; the others wait for the next."
    )
    var maxCommitEvents = 4096

    @Option(help: "Seconds that a query may take; more is a 503.")
    var queryTimeout = 10.0

    /// All of the above, for the environment.
    static let valueFlags = [
        "max-connections", "max-body-bytes", "max-buffered-bytes", "max-method-bytes",
        "max-target-bytes", "max-header-bytes", "max-header-fields", "max-chunk-line-bytes",
        "max-chunk-overhead-bytes", "max-drain-bytes", "max-output-bytes", "header-timeout",
        "body-timeout", "min-body-rate", "idle-timeout", "write-timeout", "linger-timeout",
        "max-queued-events", "max-queued-bytes", "max-commit-events", "query-timeout",
    ]

    func validate() throws {
        try check(maxConnections, in: 1...1_000_000, "max-connections")
        try check(maxBodyBytes, in: 1...1_073_741_824, "max-body-bytes")
        try check(maxBufferedBytes, in: maxBodyBytes...68_719_476_736, "max-buffered-bytes")
        try check(maxMethodBytes, in: 8...1024, "max-method-bytes")
        try check(maxTargetBytes, in: 64...1_048_576, "max-target-bytes")
        try check(maxHeaderBytes, in: 256...1_048_576, "max-header-bytes")
        try check(maxHeaderFields, in: 1...10_000, "max-header-fields")
        try check(maxChunkLineBytes, in: 16...1_048_576, "max-chunk-line-bytes")
        try check(maxChunkOverheadBytes, in: 0...1_073_741_824, "max-chunk-overhead-bytes")
        try check(maxDrainBytes, in: 0...1_073_741_824, "max-drain-bytes")
        try check(maxOutputBytes, in: 1024...1_073_741_824, "max-output-bytes")
        try check(minBodyRate, in: 0...1_073_741_824, "min-body-rate")
        try check(maxQueuedEvents, in: 1...10_000_000, "max-queued-events")
        try check(maxCommitEvents, in: 1...1_000_000, "max-commit-events")
        try check(maxQueuedBytes, in: 1...4_294_967_296, "max-queued-bytes")
        for (seconds, flag) in [
            (headerTimeout, "header-timeout"), (bodyTimeout, "body-timeout"),
            (idleTimeout, "idle-timeout"), (writeTimeout, "write-timeout"),
            (lingerTimeout, "linger-timeout"), (queryTimeout, "query-timeout"),
        ] {
            try check(seconds, in: 0.001...86_400, flag)
        }
    }

    /// Those of a connection.
    var http: HTTPLimits {
        var limits = HTTPLimits()
        limits.methodBytes = maxMethodBytes
        limits.targetBytes = maxTargetBytes
        limits.headerBytes = maxHeaderBytes
        limits.headerFields = maxHeaderFields
        limits.chunkLineBytes = maxChunkLineBytes
        limits.chunkOverheadBytes = maxChunkOverheadBytes
        limits.drainBytes = maxDrainBytes
        limits.outputBytes = maxOutputBytes
        limits.bufferedBytes = maxBufferedBytes
        limits.headerTimeout = .seconds(headerTimeout)
        limits.bodyGrace = .seconds(bodyTimeout)
        limits.bodyBytesPerSecond = minBodyRate
        limits.idleTimeout = .seconds(idleTimeout)
        limits.writeTimeout = .seconds(writeTimeout)
        limits.lingerTimeout = .seconds(lingerTimeout)
        return limits
    }

    /// Sets those of the store.
    func apply(to configuration: inout StoreConfiguration) {
        configuration.queuedEvents = maxQueuedEvents
        configuration.queuedBytes = maxQueuedBytes
        configuration.eventsPerCommit = maxCommitEvents
        configuration.queryTimeLimit = .seconds(queryTimeout)
    }
}

extension ParsableArguments {
    /// Refuses a value out of its range, naming flag and range.
    func check<Value>(_ value: Value, in range: ClosedRange<Value>, _ flag: String) throws {
        guard range.contains(value) else {
            throw ValidationError(
                "--\(flag) must be from \(range.lowerBound) to \(range.upperBound), not \(value)")
        }
    }
}
