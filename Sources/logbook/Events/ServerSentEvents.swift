/// Parses a stream of Server-Sent Events
/// (https://html.spec.whatwg.org/multipage/server-sent-events.html) that arrives in any pieces.
struct ServerSentEvents {
    struct Message {
        var event = "message"
        var data: [UInt8] = []
    }

    /// The last `id` received, even without an event.
    private(set) var lastID: String?
    /// The last `retry` in milliseconds.
    private(set) var retry: Int?
    private var line: [UInt8] = []
    private var message = Message()

    /// More than any event can have.
    private static let lineBytes = 16 * 1024 * 1024

    /// Takes `piece`, and returns the messages that it completed.
    mutating func take(_ piece: [UInt8]) throws(ClientError) -> [Message] {
        var messages: [Message] = []
        var rest = piece[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            line += rest[..<end]
            rest = rest[(end + 1)...]
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            if line.isEmpty {
                if !message.data.isEmpty { messages.append(message) }
                message = Message()
            } else {
                takeLine()
            }
            line.removeAll(keepingCapacity: true)
        }
        line += rest
        guard line.count <= Self.lineBytes else {
            throw .unusable("a line of the stream is too long")
        }
        return messages
    }

    private mutating func takeLine() {
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[colon...].dropFirst()
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        func text() -> String { String(decoding: value, as: UTF8.self) }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "id": lastID = text()
        case "retry": retry = Int(text()).map { max(0, min($0, 3_600_000)) } ?? retry
        case "event": message.event = text()
        case "data":
            if !message.data.isEmpty { message.data.append(UInt8(ascii: "\n")) }
            message.data += value
        // A comment begins with the colon.
        default: break
        }
    }
}
