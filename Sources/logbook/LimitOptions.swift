import ArgumentParser
import HTTPServer
import SQLiteStore

/// The configurable limits of `serve`; docs/limits.md lists them with the fixed ones.
struct LimitOptions: ParsableArguments {
    @Option(
        help:
            "The most connections at a time; beyond it, the one that has waited longest for a request is closed. (default: 4096)",
        transform: Units.size)
    var maxConnections = 4096

    @Option(
        help: "The longest JSON body, in bytes; more is a 413. (default: \(16 * 1024 * 1024))",
        transform: Units.size)
    var maxBodyBytes = 16 * 1024 * 1024

    @Option(
        help:
            "The most bytes in the buffers of all connections together; a connection that exceeds it gets a 503 or is closed. (default: \(HTTPLimits().bufferedBytes))",
        transform: Units.size)
    var maxBufferedBytes = HTTPLimits().bufferedBytes

    @Option(
        help:
            "The longest request target, in bytes; more is a 414. (default: \(HTTPLimits().targetBytes))",
        transform: Units.size)
    var maxTargetBytes = HTTPLimits().targetBytes

    @Option(
        help:
            "The longest header section, and the longest trailers, in bytes; more is a 431. (default: \(HTTPLimits().headerBytes))",
        transform: Units.size)
    var maxHeaderBytes = HTTPLimits().headerBytes

    @Option(
        help:
            "The most header fields, and the most trailer fields; more is a 431. (default: \(HTTPLimits().headerFields))",
        transform: Units.size)
    var maxHeaderFields = HTTPLimits().headerFields

    @Option(
        help:
            "Seconds to receive a header, from its first byte, and to measure a body's rate over. (default: 10.0)",
        transform: Units.seconds)
    var headerTimeout = 10.0

    @Option(
        help:
            "The slowest rate of a body, in bytes a second; slower is a 408. (default: \(HTTPLimits().bodyBytesPerSecond))",
        transform: Units.size)
    var minBodyRate = HTTPLimits().bodyBytesPerSecond

    @Option(
        help: "Seconds that a connection may be idle between requests. (default: 75.0)",
        transform: Units.seconds)
    var idleTimeout = 75.0

    @Option(
        help: "Seconds that a client may take no byte of an answer. (default: 30.0)",
        transform: Units.seconds)
    var writeTimeout = 30.0

    @Option(
        help: "The most events that may wait to be written; more is a 503. (default: 100000)",
        transform: Units.size)
    var maxQueuedEvents = 100_000

    @Option(
        help:
            "The most bytes of events that may wait to be written; more is a 503. (default: \(64 * 1024 * 1024))",
        transform: Units.size)
    var maxQueuedBytes = 64 * 1024 * 1024

    @Option(
        help: "Seconds that a query may take; more is a 503. (default: 10.0)",
        transform: Units.seconds)
    var queryTimeout = 10.0

    /// All flags above, for the environment.
    static let valueFlags = [
        "max-connections", "max-body-bytes", "max-buffered-bytes", "max-target-bytes",
        "max-header-bytes", "max-header-fields", "header-timeout", "min-body-rate", "idle-timeout",
        "write-timeout", "max-queued-events", "max-queued-bytes", "query-timeout",
    ]

    func validate() throws {
        try check(maxConnections, in: 1...1_000_000, "max-connections")
        try check(maxBodyBytes, in: 1...1_073_741_824, "max-body-bytes")
        try check(maxBufferedBytes, in: maxBodyBytes...68_719_476_736, "max-buffered-bytes")
        try check(maxTargetBytes, in: 64...1_048_576, "max-target-bytes")
        try check(maxHeaderBytes, in: 256...1_048_576, "max-header-bytes")
        try check(maxHeaderFields, in: 1...10_000, "max-header-fields")
        try check(minBodyRate, in: 0...1_073_741_824, "min-body-rate")
        try check(maxQueuedEvents, in: 1...10_000_000, "max-queued-events")
        try check(maxQueuedBytes, in: 1...4_294_967_296, "max-queued-bytes")
        for (seconds, flag) in [
            (headerTimeout, "header-timeout"), (idleTimeout, "idle-timeout"),
            (writeTimeout, "write-timeout"), (queryTimeout, "query-timeout"),
        ] {
            try check(seconds, in: 0.001...86_400, flag)
        }
    }

    /// The limits of a connection.
    var http: HTTPLimits {
        var limits = HTTPLimits()
        limits.targetBytes = maxTargetBytes
        limits.headerBytes = maxHeaderBytes
        limits.headerFields = maxHeaderFields
        limits.bufferedBytes = maxBufferedBytes
        limits.headerTimeout = .seconds(headerTimeout)
        limits.bodyGrace = .seconds(headerTimeout)
        limits.bodyBytesPerSecond = minBodyRate
        limits.idleTimeout = .seconds(idleTimeout)
        limits.writeTimeout = .seconds(writeTimeout)
        return limits
    }

    /// Sets the limits of the store.
    func apply(to configuration: inout StoreConfiguration) {
        configuration.queuedEvents = maxQueuedEvents
        configuration.queuedBytes = maxQueuedBytes
        configuration.queryTimeLimit = .seconds(queryTimeout)
    }
}

extension ParsableArguments {
    /// Refuses a value out of its range, naming the flag and the range.
    func check<Value>(_ value: Value, in range: ClosedRange<Value>, _ flag: String) throws {
        guard range.contains(value) else {
            throw ValidationError(
                "--\(flag) must be from \(range.lowerBound) to \(range.upperBound), not \(value)")
        }
    }
}
