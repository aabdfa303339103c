import Events
import Foundation
import JSON
import SQLite
import TestSupport

@testable import EventStore
@testable import SQLiteStore

/// Adds the first `count` events that the search index does not have, within the caller's
/// transaction.
func index(_ connection: Connection, first count: Int) throws(SQLiteError) {
    try index(connection, try SearchIndex(connection), first: count)
}

func index(_ connection: Connection, _ search: SearchIndex, first count: Int) throws(SQLiteError) {
    let document = SearchDocument()
    var documents = SearchDocuments()
    let next = try connection.prepare(
        "SELECT \(EventTable.columns) FROM events WHERE seq > ? ORDER BY seq LIMIT ?")
    try next.bind(1, search.indexedSeq)
    try next.bind(2, Int64(count))
    while try next.step() {
        let event = EventTable.view(next)
        document.make(event)
        documents.append(event, document)
    }
    search.noteMaking()
    try search.add(documents)
}

/// The room for writes to the database at `path`, without a reserve, and with a size limit only if
/// given.
func makeRoom(
    _ connection: Connection, _ search: SearchIndex, _ path: String, databasePages: Int? = nil,
    log: LogRecorder = LogRecorder()
) throws -> DiskRoom {
    let plan = SpacePlan(
        databasePages: databasePages, walPages: 65_536, cachePages: 4000, checkpointPages: 4096,
        frameBytes: 4120, walFileBytes: 1 << 26)
    return try DiskRoom(
        connection, EventStatements(connection, search), plan,
        DiskReserve(database: path, bytes: 0), path: path, figures: StoreFigures(),
        reads: OpenReads(), logger: log.logger)
}

extension SQLiteRepository {
    /// Stores `events`, and waits for the reply.
    func append(_ events: [Event], allOrNothing: Bool = false) async -> AppendResult {
        await withCheckedContinuation { continuation in
            append(events, allOrNothing: allOrNothing) { continuation.resume(returning: $0) }
        }
    }

    /// Deletes an event, and waits for the reply.
    func delete(_ id: String) async -> Result<Bool, StoreError> {
        await withCheckedContinuation { continuation in
            delete(id: Array(id.utf8)) { continuation.resume(returning: $0) }
        }
    }
}

extension EventReader {
    /// The JSON of the event with this id.
    func json(_ id: String) throws(StoreError) -> String? {
        let bytes = Array(id.utf8)
        return try bytes.span.withUnsafeBytes { (buffer) throws(StoreError) in
            try get(id: buffer) { rendered($0) }
        }
    }

    /// The store's values for the event with this id.
    func receipt(_ id: String) throws(StoreError) -> EventReceipt? {
        let bytes = Array(id.utf8)
        return try bytes.span.withUnsafeBytes { (buffer) throws(StoreError) in
            try get(id: buffer) { $0.receipt }
        }
    }

    /// The seqs of all events in ascending order of time.
    func allSeqs() throws -> [Int64] {
        var seqs: [Int64] = []
        let all = try EventQuery(
            [(name: "order", value: "asc"), ("limit", "1000")], now: testMoment)
        try page(all, budget: .seconds(60)) { view in
            seqs.append(view.seq)
            return true
        }
        return seqs
    }
}
