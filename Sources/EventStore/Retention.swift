import Events

/// Limits on how long events are kept, and on how many.
public struct Retention: Equatable, Sendable {
    /// Maximum age of an event by severity, counted from its `received_at`; no entry keeps it forever.
    public var ages: [Severity: Duration] = [
        .info: .seconds(7 * 86_400), .warning: .seconds(7 * 86_400),
        .error: .seconds(30 * 86_400), .critical: .seconds(30 * 86_400),
    ]
    /// Events that are kept at most, the ones that came last; nil is any number.
    public var events: Int?
    /// Bytes that the database file and its WAL may have together; nil is any number. Room is made
    /// by removing the events that came first.
    public var bytes: Int?
    /// Pause between two runs of retention by age.
    package var interval = Duration.seconds(60)

    /// The defaults.
    public init() {}
}
