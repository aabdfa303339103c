/// Facts that only one engine has, such as the size of a WAL.
public struct EngineReport: Sendable {
    /// The engine's version and its label.
    public let version: (label: StaticString, text: String)
    /// Metrics for `GET /metrics`.
    public var metrics: [EngineMetric] = []
    /// Members of `GET /schema`.
    public var members: [EngineMember] = []
    /// Members of the statistics in `GET /schema`.
    public var statistics: [EngineMember] = []

    /// Creates a report with a version only.
    public init(version: (label: StaticString, text: String)) { self.version = version }
}

/// A metric family with one sample, or a histogram.
public struct EngineMetric: Sendable {
    /// A kind of metric with its value.
    public enum Value: Sendable {
        case counter(Int)
        /// A gauge; nil while its value is unknown.
        case gauge(Int?)
        /// A gauge of a time, shown in seconds.
        case time(Duration)
        /// A histogram of times in nanoseconds, shown in seconds.
        case times(Distribution)
    }

    /// The name in Prometheus.
    public let name: StaticString
    /// A one-sentence description.
    public let help: StaticString
    /// The current value.
    public let value: Value

    /// Creates a metric.
    public init(_ name: StaticString, _ help: StaticString, _ value: Value) {
        self.name = name
        self.help = help
        self.value = value
    }
}

/// A name and its value.
public struct EngineMember: Equatable, Sendable {
    /// The value of a member.
    public indirect enum Value: Equatable, Sendable {
        case text(String)
        case number(Int)
        case members([EngineMember])
    }

    /// The name, in snake_case.
    public let name: String
    /// The current value.
    public let value: Value

    /// Creates a member.
    public init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }
}
