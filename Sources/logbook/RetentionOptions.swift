import ArgumentParser
import EventStore
import Events

/// Limits on the age of events that `serve` keeps, and on their space.
struct RetentionOptions: ParsableArguments {
    @Option(help: Self.help("info"))
    var retainInfo = "7d"

    @Option(help: Self.help("warning"))
    var retainWarning = "7d"

    @Option(help: Self.help("error"))
    var retainError = "30d"

    @Option(help: Self.help("critical"))
    var retainCritical = "30d"

    @Option(
        help:
            "The most events to keep; beyond it the oldest are removed. 0 is no limit. (default: 0)",
        transform: Units.size)
    var maxEvents = 0

    @Option(
        help: ArgumentHelp(
            "The most bytes of the database and its WAL together; the oldest events are removed to make room, and if that does not help, storing is a 503. 0 is no limit. (default: 0)"
        ), transform: Units.size)
    var maxDatabaseBytes = 0

    @Option(
        help:
            "The most bytes of the WAL; from half of it on, queries that block it are stopped with a 503. (default: \(256 * 1024 * 1024))",
        transform: Units.size)
    var maxWalBytes = 256 * 1024 * 1024

    /// All flags above, for the environment.
    static let valueFlags = [
        "retain-info", "retain-warning", "retain-error", "retain-critical", "max-events",
        "max-database-bytes", "max-wal-bytes",
    ]

    /// A quarter of it is for the WAL, which must hold the changes of one request.
    private static let leastBytes = 64 * 1024 * 1024
    private static let leastWALBytes = 8 * 1024 * 1024

    private static func help(_ severity: String) -> ArgumentHelp {
        ArgumentHelp(
            "How long an event of severity \(severity) is kept, such as 12h or 7d; off is forever.",
            valueName: "age")
    }

    private var ages: [(severity: Severity, text: String)] {
        [
            (.info, retainInfo), (.warning, retainWarning), (.error, retainError),
            (.critical, retainCritical),
        ]
    }

    func validate() throws {
        for age in ages { _ = try Self.duration(age.text, age.severity) }
        guard maxEvents >= 0 else {
            throw ValidationError("--max-events must be 0 or more, not \(maxEvents)")
        }
        guard maxDatabaseBytes == 0 || maxDatabaseBytes >= Self.leastBytes else {
            throw ValidationError(
                "--max-database-bytes must be 0, or \(Self.leastBytes) or more, not \(maxDatabaseBytes)"
            )
        }
        guard maxWalBytes >= Self.leastWALBytes else {
            throw ValidationError(
                "--max-wal-bytes must be \(Self.leastWALBytes) or more, not \(maxWalBytes)")
        }
    }

    /// Parses an age; nil for one that is never reached.
    private static func duration(_ text: String, _ severity: Severity) throws -> Duration? {
        if text == "off" || text == "0" { return nil }
        guard let milliseconds = Age.milliseconds(text), milliseconds > 0 else {
            throw ValidationError(
                "--retain-\(severity) must be an age such as 90s, 12h or 7d, or off, not '\(text)'")
        }
        return .milliseconds(milliseconds)
    }

    /// The limits that the flags set.
    var retention: Retention {
        get throws {
            var retention = Retention()
            for age in ages {
                retention.ages[age.severity] = try Self.duration(age.text, age.severity)
            }
            retention.events = maxEvents > 0 ? maxEvents : nil
            retention.bytes = maxDatabaseBytes > 0 ? maxDatabaseBytes : nil
            return retention
        }
    }
}
