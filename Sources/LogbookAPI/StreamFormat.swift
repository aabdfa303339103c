import EventStore
import Events
import JSON

/// A format of an event stream.
enum StreamFormat: Hashable, Sendable {
    /// https://html.spec.whatwg.org/multipage/server-sent-events.html
    case serverSentEvents
    /// One JSON object on each line.
    case lines
    /// The lines of a watch of Kubernetes' API.
    case watch(KubernetesWatch)

    static let serverSentType: StaticString = "text/event-stream"
    static let linesType: StaticString = "application/x-ndjson"

    var contentType: StaticString {
        switch self {
        case .serverSentEvents: Self.serverSentType
        case .lines: Self.linesType
        case .watch: KubernetesWatch.contentType
        }
    }

    /// Appends an event, of an epoch if the store has any.
    func append(_ event: EventView, epoch: Int64?, to output: inout [UInt8]) {
        switch self {
        case .serverSentEvents:
            Self.appendID(StreamPosition(epoch: epoch, seq: event.seq), to: &output)
            output.append("\nevent: event\ndata: ")
            event.appendJSON(to: &output)
            output.append("\n\n")
        case .lines:
            event.appendJSON(to: &output)
            output.append("\n")
        case .watch(let watch): watch.append(event, epoch: epoch, to: &output)
        }
    }

    /// True if a reset is the end of a stream.
    var endsWithReset: Bool { if case .watch = self { true } else { false } }

    /// Appends a notice that events were removed before they could be sent, the oldest one left,
    /// and that the stream continues after `position`.
    func appendReset(oldest: Int64?, position: StreamPosition, to output: inout [UInt8]) {
        func appendOldest(_ output: inout [UInt8]) {
            output.append("{\"oldest\":")
            if let oldest { output.appendInteger(Int(oldest)) } else { output.append("null") }
            output.append("}")
        }
        switch self {
        case .serverSentEvents:
            Self.appendID(position, to: &output)
            output.append("\nevent: reset\ndata: ")
            appendOldest(&output)
            output.append("\n\n")
        case .lines:
            output.append("{\"reset\":")
            appendOldest(&output)
            output.append("}\n")
            if position.epoch != nil { appendHeartbeat(position: position, to: &output) }
        case .watch(let watch): watch.appendExpired(to: &output)
        }
    }

    /// Appends the start of a stream. A browser that loses it before the first event resumes here.
    func appendGreeting(position: StreamPosition, to output: inout [UInt8]) {
        if case .watch = self { return }
        if self == .serverSentEvents { Self.appendRetry(to: &output) }
        // An event's line has its seq, and a client of a store with epochs needs this, too.
        guard self == .serverSentEvents || position.epoch != nil else { return }
        appendHeartbeat(position: position, to: &output)
    }

    /// Appends bytes that keep proxies from closing the connection. A block without data is not an
    /// event, but a browser still resumes at its `id`. In lines, only an epoch makes it worth a
    /// position.
    func appendHeartbeat(position: StreamPosition, to output: inout [UInt8]) {
        switch self {
        case .serverSentEvents:
            output.append(":\n")
            Self.appendID(position, to: &output)
            output.append("\n\n")
        case .lines:
            if position.epoch != nil {
                output.append("{\"position\":\"")
                Self.append(position, to: &output)
                output.append("\"}")
            }
            output.append("\n")
        case .watch(let watch): watch.appendBookmark(position, to: &output)
        }
    }

    private static func appendID(_ position: StreamPosition, to output: inout [UInt8]) {
        output.append("id: ")
        append(position, to: &output)
    }

    private static func append(_ position: StreamPosition, to output: inout [UInt8]) {
        if let epoch = position.epoch {
            output.appendInteger(Int(epoch))
            output.append("-")
        }
        output.appendInteger(Int(position.seq))
    }

    /// The end of a stream that the client should open again.
    var farewell: [UInt8] {
        var output: [UInt8] = []
        if self == .serverSentEvents {
            Self.appendRetry(to: &output)
            output.append("\n")
        }
        return output
    }

    /// Appends the milliseconds after which a browser reconnects.
    private static func appendRetry(to output: inout [UInt8]) { output.append("retry: 2000\n") }
}
