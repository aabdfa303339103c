/// Figures that only one engine has, such as the size of a WAL.
public struct EngineReport: Sendable {
    /// The label of its version, and that.
    public let version: (label: StaticString, text: String)
    /// For `GET /metrics`.
    public var metrics: [EngineMetric] = []
    /// Members of `GET /schema`.
    public var members: [EngineMember] = []
    /// Members of the statistics there.
    public var statistics: [EngineMember] = []

    /// Of an engine that says nothing more.
    public init(version: (label: StaticString, text: String)) { self.version = version }
}

/// A family of metrics with one sample, or a histogram.
public struct EngineMetric: Sendable {
    /// The kind of metric, with its value.
    public enum Value: Sendable {
        case counter(Int)
        case gauge(Int)
        /// A gauge of a time, shown in seconds.
        case time(Duration)
        /// Of times, in nanoseconds, shown in seconds.
        case times(Distribution)
    }

    /// As Prometheus has it.
    public let name: StaticString
    /// A sentence for people.
    public let help: StaticString
    /// At this moment.
    public let value: Value

    /// A metric.
    public init(_ name: StaticString, _ help: StaticString, _ value: Value) {
        self.name = name
        self.help = help
        self.value = value
    }
}

/// A name with its value.
public struct EngineMember: Equatable, Sendable {
    /// The value of a member.
    public indirect enum Value: Equatable, Sendable {
        case text(String)
        case number(Int)
        case members([EngineMember])
    }

    /// Of the member, in snake_case.
    public let name: String
    /// At this moment.
    public let value: Value

    /// A member.
    public init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }
}
