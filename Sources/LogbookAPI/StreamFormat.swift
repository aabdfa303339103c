import Events
import JSON

/// How a stream of events is written.
enum StreamFormat: Hashable, Sendable {
    /// https://html.spec.whatwg.org/multipage/server-sent-events.html
    case serverSentEvents
    /// One JSON object a line.
    case lines

    static let serverSentType: StaticString = "text/event-stream"
    static let linesType: StaticString = "application/x-ndjson"

    var contentType: StaticString {
        switch self {
        case .serverSentEvents: Self.serverSentType
        case .lines: Self.linesType
        }
    }

    func append(_ event: EventView, to output: inout [UInt8]) {
        switch self {
        case .serverSentEvents:
            output.append("id: ")
            output.appendInteger(Int(event.seq))
            output.append("\nevent: event\ndata: ")
            event.appendJSON(to: &output)
            output.append("\n\n")
        case .lines:
            event.appendJSON(to: &output)
            output.append("\n")
        }
    }

    /// That events were removed before they could be sent, what is the oldest that is left, and
    /// that it goes on behind `position`.
    func appendReset(oldest: Int64?, position: Int64, to output: inout [UInt8]) {
        func appendOldest(_ output: inout [UInt8]) {
            output.append("{\"oldest\":")
            if let oldest { output.appendInteger(Int(oldest)) } else { output.append("null") }
            output.append("}")
        }
        switch self {
        case .serverSentEvents:
            output.append("id: ")
            output.appendInteger(Int(position))
            output.append("\nevent: reset\ndata: ")
            appendOldest(&output)
            output.append("\n\n")
        case .lines:
            output.append("{\"reset\":")
            appendOldest(&output)
            output.append("}\n")
        }
    }

    /// What begins a stream: a browser that loses it before the first event resumes here.
    func appendGreeting(position: Int64, to output: inout [UInt8]) {
        guard self == .serverSentEvents else { return }
        Self.appendRetry(to: &output)
        appendHeartbeat(position: position, to: &output)
    }

    /// What keeps proxies from closing the connection. A block without data is no event, and its
    /// `id` is where a browser resumes all the same.
    func appendHeartbeat(position: Int64, to output: inout [UInt8]) {
        switch self {
        case .serverSentEvents:
            output.append(":\nid: ")
            output.appendInteger(Int(position))
            output.append("\n\n")
        case .lines:
            output.append("\n")
        }
    }

    /// What ends a stream that the client is to open again.
    var farewell: [UInt8] {
        var output: [UInt8] = []
        if self == .serverSentEvents {
            Self.appendRetry(to: &output)
            output.append("\n")
        }
        return output
    }

    /// Milliseconds after which a browser connects again.
    private static func appendRetry(to output: inout [UInt8]) { output.append("retry: 2000\n") }
}
