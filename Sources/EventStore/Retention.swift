public import Events

/// Limits on the age and the number of events.
public struct Retention: Equatable, Sendable {
    /// The maximum age of an event by severity, counted from its `received_at`. A severity without
    /// an entry is kept forever.
    public var ages: [Severity: Duration] = [
        .info: .seconds(7 * 86_400), .warning: .seconds(7 * 86_400),
        .error: .seconds(30 * 86_400), .critical: .seconds(30 * 86_400),
    ]
    /// The most events to keep, newest first; nil for any number.
    public var events: Int?
    /// The most bytes in the database file and its WAL together; nil for any number. The oldest
    /// events are removed to make room.
    public var bytes: Int?
    /// The pause between two runs of retention by age.
    package var interval = Duration.seconds(60)

    /// Creates the defaults.
    public init() {}
}
