import EventStore
import Events
import HTTPServer
import Synchronization

/// All matches of a query, read one piece at a time and only when the client has taken the previous
/// one. Between two pieces only the position is kept.
final class EventExport: Sendable {
    private struct State {
        var query: EventQuery
        /// Read before the answer begins, so that a failure is an error answer.
        var first: (bytes: [UInt8], isLast: Bool)?
    }

    private let repository: any EventRepository
    private let client: UInt64
    /// The request for the piece being read.
    private let reading = Mutex<ReadRequest?>(nil)
    let format: ExportFormat
    private let state: Mutex<State>

    private static let pieceBytes = 64 * 1024

    init(
        _ repository: any EventRepository, _ query: EventQuery, _ format: ExportFormat,
        client: UInt64
    ) {
        self.repository = repository
        self.client = client
        self.format = format
        state = Mutex(State(query: query))
    }

    /// Reads the first piece.
    func begin(_ reader: any EventReader) throws(StoreError) {
        var bytes: [UInt8] = []
        format.appendHeader(to: &bytes)
        let isLast = try read(reader, into: &bytes)
        let first = (bytes, isLast)
        state.withLock { $0.first = first }
    }

    /// Ends the reading of a piece that is no longer wanted.
    func cancel() { reading.withLock { $0?.cancel() } }

    /// Sends the next piece.
    func send(to demand: BodyDemand) {
        let first = state.withLock { state in
            defer { state.first = nil }
            return state.first
        }
        if let first { return Self.give(first.bytes, isLast: first.isLast, demand) }
        let request = ReadRequest(client: client, limit: repository.readBudgets.elsewhere)
        reading.withLock { $0 = request }
        let isTaken = repository.readElsewhere(for: request) { [self] result in
            do throws(StoreError) {
                var bytes: [UInt8] = []
                let isLast = try read(try result.get(), into: &bytes)
                Self.give(bytes, isLast: isLast, demand)
            } catch {
                // An incomplete export must not look complete.
                demand.fail()
            }
        }
        if !isTaken { demand.fail() }
    }

    private static func give(_ bytes: [UInt8], isLast: Bool, _ demand: BodyDemand) {
        if isLast { demand.finish(bytes) } else { demand.send(bytes) }
    }

    /// Appends the next piece; true if it is the last.
    private func read(_ reader: any EventReader, into bytes: inout [UInt8]) throws(StoreError)
        -> Bool
    {
        let query = state.withLock { $0.query }
        var count = 0
        var isFull = false
        var last: EventQuery.Position?
        try reader.page(query, budget: repository.readBudgets.elsewhere) { event in
            format.append(event, to: &bytes)
            count += 1
            // One event more than the limit means that there is another page.
            isFull = bytes.count >= Self.pieceBytes || count == query.limit
            if isFull {
                last = EventQuery.Position(event)
            }
            return !isFull
        }
        guard isFull, let last else { return true }
        state.withLock { $0.query = query.continued(after: last) }
        return false
    }
}
