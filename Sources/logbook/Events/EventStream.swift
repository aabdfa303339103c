import Glibc

/// Follows a server's live stream over any number of connections.
final class EventStream {
    private let client: LogbookClient
    private let parameters: EventSource.Parameters
    /// The position at which the next connection continues: the last `id` received.
    private var position: String?
    /// Milliseconds before the next connection, from the server's `retry`.
    private var pause = 1000

    /// The longest pause. A pause doubles with each failure.
    private static let longestPause = 30_000

    init(_ client: LogbookClient, _ parameters: EventSource.Parameters, after: Int?) {
        self.client = client
        self.parameters = parameters
        position = after.map(String.init)
    }

    /// Follows until `onEvents` returns false or the server refuses.
    ///
    /// - Parameters:
    ///   - onBegin: called once, when the server has begun to send; false ends it.
    ///   - onEvents: gets the events that came together, in order.
    func follow(
        onBegin: () throws -> Bool, onEvents: ([ListedEvent]) throws -> Bool
    ) throws {
        var hasBegun = false
        var failures = 0
        while true {
            do {
                try connect()
                failures = 0
                var parser = ServerSentEvents()
                var piece: [UInt8] = []
                while try client.receivePiece(to: &piece) {
                    let events = try parser.take(piece).compactMap(read)
                    if let retry = parser.retry { pause = retry }
                    piece.removeAll(keepingCapacity: true)
                    if let id = parser.lastID { position = id }
                    // The first message gives the position to resume from.
                    if !hasBegun, position != nil {
                        hasBegun = true
                        guard try onBegin() else { return }
                    }
                    guard try events.isEmpty || onEvents(events) else { return }
                }
                printToStandardError("\(client.address): the stream ended; reconnecting")
            } catch let error as ClientError {
                // A first failure is reported at once.
                guard error.isPassing, hasBegun else { throw error }
                printToStandardError("\(client.address): \(error); reconnecting")
            }
            client.disconnect()
            usleep(UInt32(min(pause << min(failures, 5), Self.longestPause)) * 1000)
            failures += 1
        }
    }

    private func connect() throws {
        var headers = [(name: "Accept", value: "text/event-stream")]
        if let position { headers.append(("Last-Event-ID", position)) }
        try client.open(EventSource.target("/events/stream", parameters), headers: headers)
    }

    private func read(_ message: ServerSentEvents.Message) throws -> ListedEvent? {
        switch message.event {
        case "event":
            return try message.data.withUnsafeBytes { try ListedEvent($0) }
        case "reset":
            printToStandardError(
                "\(client.address): events were removed before they could be sent; continuing with the rest"
            )
            return nil
        default: return nil
        }
    }
}
