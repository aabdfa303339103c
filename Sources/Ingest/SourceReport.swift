public import Events

/// The state and figures of a source that Logbook itself asks for events.
public struct SourceReport: Sendable {
    /// The state of a source.
    public enum State: String, Sendable {
        /// Nothing has been answered yet.
        case starting
        /// All events are being listed.
        case listing
        /// Events arrive as they happen.
        case watching
        /// There was an error; the next attempt follows after a wait.
        case waiting
        /// Another process with the same database brings these events.
        case standby
        /// The service is shutting down.
        case stopped
    }

    /// The reason for a list of all events.
    public enum Relist: String, CaseIterable, Sendable {
        /// The process started.
        case start
        /// A line of the watch said that the position has expired.
        case expiredLine = "expired_line"
        /// The answer to the watch was 410.
        case gone
        /// The watch ended at once, without a line.
        case emptyWatch = "empty_watch"
        /// The server is behind the position, because it was restored from a backup.
        case future
    }

    /// The reason that an event was not stored.
    public enum Skip: String, CaseIterable, Sendable {
        /// It is not a valid Event.
        case invalid
        case tooLong = "too_long"
        /// Its line has a type that this version does not know.
        case unknownType = "unknown_type"
    }

    /// The kind of an error.
    public enum Failure: String, CaseIterable, Sendable {
        case status400 = "400"
        case status401 = "401"
        case status403 = "403"
        case status404 = "404"
        case status429 = "429"
        case status500 = "500"
        case status502 = "502"
        case status503 = "503"
        case status504 = "504"
        /// Any other status.
        case other
        /// No connection, or it broke.
        case unreachable
        /// No answer in time.
        case timeout
        /// An unusable file or answer, or a certificate that is not trusted.
        case unusable
        /// The store took no events.
        case store
    }

    /// The name of the source: `kubernetes`, or `kubernetes/NAMESPACE`.
    public let name: String
    /// The kind of source.
    public let kind: String
    /// The server's address.
    public let server: String
    /// The time of the watcher's start.
    public let begun: Timestamp
    /// The current state.
    public package(set) var state = State.starting
    /// The time of the last change of `state`.
    public package(set) var since: Timestamp
    /// The last error, in words, and its time.
    public package(set) var lastError: (text: String, at: Timestamp)?
    /// The time of the last line; nil before the first.
    public package(set) var lastLine: Timestamp?
    /// The time up to which everything has arrived.
    public package(set) var observed: Timestamp?
    /// The version of the cluster up to which everything is stored.
    public package(set) var position: UInt64?
    /// Events stored.
    public package(set) var stored = 0
    /// Events that were stored already.
    public package(set) var duplicates = 0
    /// Events not stored, by reason.
    public package(set) var skipped: [Skip: Int] = [:]
    /// Lists, by reason.
    public package(set) var relists: [Relist: Int] = [:]
    /// Errors, by kind.
    public package(set) var errors: [Failure: Int] = [:]
    /// The age of the last event when it arrived.
    public package(set) var lag: Duration?
    /// The number of gaps: outages longer than the server keeps events.
    public package(set) var gaps = 0
    /// The length of the last gap.
    public package(set) var lastGap = Duration.zero

    /// Notes that another process brings the events.
    package mutating func standBy() { state = .standby }

    /// A source whose watcher starts `now`.
    package init(name: String, kind: String, server: String, now: Timestamp) {
        self.name = name
        self.kind = kind
        self.server = server
        begun = now
        since = now
    }

    /// True while events arrive.
    public var isConnected: Bool { state == .listing || state == .watching }
}

extension SourceReport.Failure {
    /// The failure of an answer with this status.
    package init(status: Int) { self = Self(rawValue: String(status)) ?? .other }
}
