import CLinux
import EventStore
import Events
import HTTPServer
import Ingest
import JSON
import Synchronization
import System

/// A list of events, oldest first, of each object the newest revision as of the list. Without a limit
/// it is read and sent one piece at a time; with one it is a single piece, which may end early,
/// because its client asks for the rest.
final class KubernetesList: Sendable {
    /// A token for the rest of a list.
    struct Continuation {
        /// The `resourceVersion` of the list.
        let version: String
        let cursor: String

        init(version: String, cursor: String) {
            self.version = version
            self.cursor = cursor
        }

        init?(_ text: String) {
            let parts = text.split(separator: ".", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            self.init(version: String(parts[0]), cursor: String(parts[1]))
        }

        var text: String { "\(version).\(cursor)" }
    }

    /// The answer that the items are for.
    enum Form {
        case list
        /// The start of a watch, whose rest `next` sends.
        case watch(KubernetesWatch)
    }

    private struct State {
        var query: EventQuery
        /// Items left to send; nil for no limit.
        var left: Int?
        var sent = 0
        var position: StreamPosition?
        /// Read before the answer begins, so that a failure is an error answer.
        var first: (bytes: [UInt8], isLast: Bool)?
    }

    private let repository: any EventRepository
    private let client: UInt64
    private let selection: KubernetesSelection
    private let form: Form
    private let wantsAllRevisions: Bool
    private let state: Mutex<State>
    /// The request for the piece being read.
    private let reading = Mutex<ReadRequest?>(nil)

    private static let pieceBytes = 64 * 1024
    /// Bytes after which a list with a limit ends, however few items it has.
    private static let longestPage = 4 * 1024 * 1024
    /// Bytes of objects held at a time while it is looked up which of them are the newest.
    private static let batchBytes = 1024 * 1024
    static let batchEvents = 256
    /// The time after which a piece ends, even if nothing was selected.
    private static let pieceTime: UInt64 = 1_000_000_000
    /// The same of a list with a limit.
    private static let pageTime: UInt64 = 5_000_000_000

    /// - Parameters:
    ///   - query: admits all that is selected, oldest first, `batchEvents` at a time.
    ///   - limit: the most items; nil for all.
    ///   - position: the position of the list's first page; nil for the present end.
    init(
        _ repository: any EventRepository, _ query: EventQuery, _ selection: KubernetesSelection,
        _ form: Form, limit: Int?, at position: StreamPosition?, wantsAllRevisions: Bool,
        client: UInt64
    ) {
        self.repository = repository
        self.selection = selection
        self.form = form
        self.wantsAllRevisions = wantsAllRevisions
        self.client = client
        state = Mutex(State(query: query, left: limit, position: position))
    }

    /// The position up to which the list has all events; known once it has begun.
    var position: StreamPosition { state.withLock { $0.position ?? StreamPosition(seq: 0) } }

    /// Reads the first piece.
    func begin(_ reader: any EventReader) throws(StoreError) {
        if state.withLock({ $0.position == nil }) {
            let range = try reader.streamRange(after: 0, for: .all)
            let position = StreamPosition(epoch: range.epoch?.number, seq: range.last)
            state.withLock { $0.position = position }
        }
        var bytes: [UInt8] = []
        if case .list = form { appendStart(to: &bytes) }
        let isLast = try read(reader, into: &bytes)
        let first = (bytes, isLast)
        state.withLock { $0.first = first }
    }

    /// Ends the reading of a piece that is no longer wanted.
    func cancel() { reading.withLock { $0?.cancel() } }

    /// True once everything has been sent.
    var isSent: Bool { state.withLock { $0.left == 0 && $0.first == nil } }

    /// Sends the next piece. The last one of a list ends the answer, that of a watch does not.
    func send(to demand: BodyDemand) {
        let first = state.withLock { state in
            defer { state.first = nil }
            return state.first
        }
        if let first { return give(first.bytes, isLast: first.isLast, demand) }
        let request = ReadRequest(client: client, limit: repository.readBudgets.elsewhere)
        reading.withLock { $0 = request }
        let isTaken = repository.readElsewhere(for: request) { [self] result in
            do throws(StoreError) {
                var bytes: [UInt8] = []
                let isLast = try read(try result.get(), into: &bytes)
                give(bytes, isLast: isLast, demand)
            } catch {
                // An incomplete list must not look complete.
                demand.fail()
            }
        }
        if !isTaken { demand.fail() }
    }

    private func give(_ bytes: [UInt8], isLast: Bool, _ demand: BodyDemand) {
        switch form {
        case .list where isLast: demand.finish(bytes)
        // White space between two items.
        case .list where bytes.isEmpty: demand.send([UInt8(ascii: "\n")])
        case .list, .watch: demand.send(bytes)
        }
    }

    // MARK: Reading

    private struct Item {
        let object: KubernetesObject
        let seq: Int64
        let prefix: [UInt8]?
        let position: EventQuery.Position
    }

    /// Appends the next piece; true if it is the last.
    private func read(_ reader: any EventReader, into bytes: inout [UInt8]) throws(StoreError)
        -> Bool
    {
        var state = state.withLock { state in state }
        let isPage = state.left != nil
        let end = clinux_monotonic_nanoseconds() + (isPage ? Self.pageTime : Self.pieceTime)
        let most = isPage ? Self.longestPage : Self.pieceBytes
        state.first = nil
        let last = state.position ?? StreamPosition(seq: 0)
        var isLast = false
        var rest: EventQuery.Position?
        repeat {
            var items: [Item] = []
            var held = 0, looked = 0
            var place: EventQuery.Position?
            var hasMore = false
            try reader.page(state.query, budget: repository.readBudgets.elsewhere) { event in
                guard looked < Self.batchEvents, held < Self.batchBytes else {
                    hasMore = true
                    return false
                }
                looked += 1
                let position = EventQuery.Position(event)
                place = position
                guard event.seq <= last.seq,
                    let object = selection.object(event, epoch: last.epoch)
                else { return true }
                held += event.byteCount
                items.append(
                    Item(
                        object: object, seq: event.seq,
                        prefix: wantsAllRevisions ? nil : KubernetesObject.prefix(of: event),
                        position: position))
                return true
            }
            for item in try newest(items, upTo: last.seq, state.query, reader) {
                append(item.object, isFirst: state.sent == 0, to: &bytes)
                state.sent += 1
                state.left = state.left.map { $0 - 1 }
                guard state.left == 0 else { continue }
                place = item.position
                hasMore = hasMore || item.seq != items.last?.seq
                break
            }
            if let place { state.query = state.query.continued(after: place) }
            isLast = !hasMore
            rest = hasMore ? place : nil
            if state.left == 0 { isLast = true }
        } while !isLast && bytes.count < most && clinux_monotonic_nanoseconds() < end
        isLast = isLast || isPage
        if isLast {
            state.left = 0
            if case .list = form {
                let token = rest.map {
                    Continuation(
                        version: KubernetesSelection.version(last),
                        cursor: state.query.cursor(after: $0))
                }
                appendEnd(last, token, to: &bytes)
            }
        }
        let next = state
        self.state.withLock { $0 = next }
        return isLast
    }

    /// Those of `items` that no later revision of their object, in the list's range, replaces.
    private func newest(
        _ items: [Item], upTo last: Int64, _ query: EventQuery, _ reader: any EventReader
    ) throws(StoreError) -> [Item] {
        let prefixes = Array(Set(items.compactMap(\.prefix)))
        guard !prefixes.isEmpty else { return items }
        let seqs = try reader.lastSeqs(
            ofIDs: prefixes, upTo: last, before: query.conditions.until)
        let newest = Dictionary(zip(prefixes, seqs)) { first, _ in first }
        return items.filter { item in
            item.prefix.map { item.seq >= newest[$0] ?? 0 } ?? true
        }
    }

    // MARK: Writing

    private func appendStart(to output: inout [UInt8]) {
        if let table = selection.table { return table.appendStart(to: &output) }
        output.append(
            selection.group == .core
                ? "{\"kind\":\"EventList\",\"apiVersion\":\"v1\",\"items\":["
                : "{\"kind\":\"EventList\",\"apiVersion\":\"events.k8s.io/v1\",\"items\":[")
    }

    private func append(_ object: KubernetesObject, isFirst: Bool, to output: inout [UInt8]) {
        if case .watch(let watch) = form { return watch.append(object, isNew: true, to: &output) }
        if !isFirst { output.append(",") }
        selection.append(object, to: &output)
    }

    private func appendEnd(
        _ last: StreamPosition, _ token: Continuation?, to output: inout [UInt8]
    ) {
        output.append("],\"metadata\":{\"resourceVersion\":")
        output.appendJSONString(KubernetesSelection.version(last))
        if let token {
            output.append(",\"continue\":")
            output.appendJSONString(token.text)
        }
        output.append("}}\n")
    }
}
