import CLinux
import EventStore
import Events
import SQLite

/// The statements that change events, on the writer's connection and in its transactions. Deleted
/// events are also removed from the search index.
///
/// A deletion of many ends once its events weigh `SliceWeight.mostDeleted`, after the one that
/// exceeds it. If fewer were deleted than requested, there may be more.
final class EventStatements {
    private let connection: Connection
    private let search: SearchIndex
    private let series: SeriesCounts
    private let insert, find, one, first, received, delete, floor, removed, passed, clock: Statement
    private let observed: Statement
    /// The seq of the next event: above all that ever existed, even if the highest was deleted. A
    /// rollback must restore it.
    var nextSeq: Int64
    /// The time of receipt of events stored from now on, by the store's clock.
    var receivedAt: Int64

    init(_ connection: Connection, _ search: SearchIndex) throws(SQLiteError) {
        self.connection = connection
        self.search = search
        series = try SeriesCounts(connection)
        insert = try connection.prepare(
            """
            INSERT INTO events (\(EventTable.columns))
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
            """)
        find = try connection.prepare("SELECT \(EventTable.columns) FROM events WHERE id = ?")
        one = try connection.prepare("SELECT \(EventTable.columns) FROM events WHERE seq = ?")
        first = try connection.prepare(
            "SELECT \(EventTable.columns) FROM events ORDER BY seq LIMIT ?")
        received = try connection.prepare(
            "SELECT seq, received_at, severity FROM events WHERE seq > ? ORDER BY seq LIMIT ?")
        delete = try connection.prepare("DELETE FROM events WHERE seq = ?")
        floor = try connection.prepare("UPDATE store_state SET floor_seq = ?")
        clock = try connection.prepare("UPDATE store_state SET clock = ?")
        passed = try connection.prepare("UPDATE retention SET passed_seq = ?2 WHERE severity = ?1")
        removed = try connection.prepare(
            "UPDATE retention SET removed_seq = ?2 WHERE severity = ?1 AND removed_seq < ?2")
        observed = try connection.prepare("INSERT OR REPLACE INTO sources VALUES (?, ?)")
        nextSeq = try Self.lastSeq(connection) + 1
        receivedAt = try Self.lastTime(connection)
    }

    /// The milliseconds that the store's clock has reached according to the file.
    private static func lastTime(_ connection: Connection) throws(SQLiteError) -> Int64 {
        let last = try connection.integer(
            "SELECT received_at FROM events ORDER BY seq DESC LIMIT 1")
        let saved = try connection.integer("SELECT clock FROM store_state")
        return max(last ?? 0, saved ?? 0)
    }

    /// The highest seq that an event has or had.
    private static func lastSeq(_ connection: Connection) throws(SQLiteError) -> Int64 {
        let last = try connection.integer("SELECT max(seq) FROM events") ?? 0
        let floor = try connection.integer("SELECT floor_seq FROM store_state") ?? 0
        return max(last, floor)
    }

    /// Stores an event unless its id is taken. If the event keeps another store's time, the clock's
    /// time must be saved in the same transaction.
    func append(_ event: Event) throws(SQLiteError) -> AppendOutcome {
        var growth: SeriesCounts.Growth?
        if let series = event.series {
            let change = try self.series.growth(by: series)
            if !change.raisesCount {
                // Most are known: each start of a watcher lists them again.
                if let known = try taken(by: event) { return known }
                if let known = try self.series.repeated(by: event, of: series) { return known }
            }
            growth = change
        }
        return try event.withView { view throws(SQLiteError) in
            for field in EventField.texts {
                try insert.bind(Int32(field.rawValue + 1), borrowing: view[field])
            }
            // Never later than now, so that a next event is not received before this one.
            let receivedAt = min(event.givenReceivedAt ?? receivedAt, receivedAt)
            let occurrences = growth?.occurrences ?? view.occurrences
            let foldKey = FoldKey.of(view)
            let receipt = EventReceipt(
                seq: nextSeq, receivedAt: receivedAt, foldKey: foldKey, occurrences: occurrences)
            try insert.bind(Int32(EventField.occurrences.rawValue + 1), occurrences)
            try insert.bind(Int32(EventField.receivedAt.rawValue + 1), receivedAt)
            try insert.bind(Int32(EventField.foldKey.rawValue + 1), foldKey)
            try insert.bind(Int32(EventField.seq.rawValue + 1), receipt.seq)
            try insert.run()
            guard connection.changes == 0 else {
                nextSeq += 1
                if let growth { try series.note(growth, receivedAt: receivedAt) }
                return .stored(receipt)
            }
            guard let outcome = try taken(by: event) else {
                throw SQLiteError(
                    extendedCode: SQLiteError.corrupt, message: "an id conflicts and is not there")
            }
            return outcome
        }
    }

    /// The outcome for an event whose id is stored; nil if it is not.
    private func taken(by event: Event) throws(SQLiteError) -> AppendOutcome? {
        try event.withView { view throws(SQLiteError) in
            try find.bind(1, borrowing: view[.id])
            defer { find.reset() }
            guard try find.step() else { return nil }
            let stored = EventTable.view(find)
            return event.isReplay(of: stored)
                ? .duplicate(Event(stored), stored.receipt) : .conflict
        }
    }

    /// Deletes the event with this id; false if there was none.
    func delete(id: [UInt8]) throws(SQLiteError) -> Bool {
        try id.span.withUnsafeBytes { bytes throws(SQLiteError) in
            try find.bind(1, borrowing: bytes)
            return try deleteEvents(of: find) > 0
        }
    }

    /// Deletes the first events with these seqs; returns the number of events, and of seqs
    /// consumed.
    func delete(
        _ seqs: some Sequence<Int64>
    ) throws(SQLiteError) -> (deleted: Int, taken: Int) {
        var batch = DeletionBatch()
        var taken = 0
        for seq in seqs where !batch.isFull {
            try one.bind(1, seq)
            try gather(one, into: &batch)
            taken += 1
        }
        return (try delete(batch), taken)
    }

    /// Deletes the oldest events by arrival, up to `limit` of them; none only if there are none.
    func deleteFirst(_ limit: Int) throws(SQLiteError) -> Int {
        try first.bind(1, Int64(limit))
        return try deleteEvents(of: first)
    }

    /// The progress of retention by age with events of `severity`.
    func placeOfRetention(_ severity: Severity) throws(SQLiteError) -> Int64 {
        let place = try connection.prepare("SELECT passed_seq FROM retention WHERE severity = ?")
        try place.bind(1, severity.rawValue)
        return try place.number() ?? 0
    }

    /// Examines the events after `place`, in the order in which they were received.
    ///
    /// - Parameters:
    ///   - time: milliseconds; ends with the first event received then or later.
    ///   - limit: the most rows to examine.
    ///   - end: the time at which it ends, in nanoseconds of the monotonic clock.
    func findExpired(
        _ severities: Set<Severity>, behind place: Int64, before time: Int64, _ limit: Int,
        until end: UInt64
    ) throws(SQLiteError) -> ExpiredEvents {
        try received.bind(1, place)
        try received.bind(2, Int64(limit))
        defer { received.reset() }
        var found = ExpiredEvents(passed: place)
        var looked = 0
        while try received.step() {
            // Only another program can have written a later time, and that must not end the walk.
            guard received.integer(1) < time || received.integer(1) > receivedAt else {
                return found
            }
            found.passed = received.integer(0)
            if received.integer(1) < time, let severity = Severity(received.bytes(2)),
                severities.contains(severity)
            {
                found.seqs.append(found.passed)
            }
            looked += 1
            if looked.isMultiple(of: 64), clinux_monotonic_nanoseconds() >= end { break }
        }
        found.isMore = looked > 0
        return found
    }

    /// Notes that retention by age has reached `seq`, within a transaction.
    func pass(_ severities: Set<Severity>, to seq: Int64) throws(SQLiteError) {
        for severity in severities {
            try passed.bind(1, severity.rawValue)
            try passed.bind(2, seq)
            try passed.run()
        }
    }

    /// Saves the clock's time in the file, within a transaction. The next process continues from
    /// it, unless a row has a later time.
    func saveClock(_ time: Int64) throws(SQLiteError) {
        try clock.bind(1, time)
        try clock.run()
    }

    /// Records that everything from `source` up to `moment` has arrived, within a transaction.
    func noteObserved(_ source: String, upTo moment: Timestamp) throws(SQLiteError) {
        try observed.bind(1, source)
        try observed.bind(2, moment.milliseconds)
        try observed.run()
    }

    /// Forgets some series that have no event and can no longer grow.
    func forgetOldSeries(now: Int64) throws(SQLiteError) { try series.forgetOld(now: now) }

    /// Empties the search index in a transaction of its own; false where there is nothing in it.
    func emptySearchIndex() throws(SQLiteError) -> Bool {
        guard try !search.isEmpty() else { return false }
        try connection.transaction { () throws(SQLiteError) in try search.empty() }
        search.noteCommit()
        return true
    }

    /// Events that are about to be deleted.
    private struct DeletionBatch {
        var seqs: [Int64] = []
        /// The highest seq of each severity.
        var highest: [Severity: Int64] = [:]
        var documents = SearchDocuments()
        var revisions: [SeriesCounts.Revision] = []
        /// Of the rows that have no document.
        var rowWeight = 0

        var isFull: Bool { rowWeight + documents.weight >= SliceWeight.mostDeleted }
    }

    /// Deletes the events of `selection` and returns their number.
    private func deleteEvents(of selection: Statement) throws(SQLiteError) -> Int {
        var batch = DeletionBatch()
        try gather(selection, into: &batch)
        return try delete(batch)
    }

    private func gather(
        _ selection: Statement, into batch: inout DeletionBatch
    ) throws(SQLiteError) {
        defer { selection.reset() }
        while !batch.isFull, try selection.step() {
            let event = EventTable.view(selection)
            batch.seqs.append(event.seq)
            if let revision = SeriesCounts.Revision(event) { batch.revisions.append(revision) }
            if let severity = Severity(event[.severity]) {
                batch.highest[severity] = max(batch.highest[severity] ?? 0, event.seq)
            }
            if try !search.gather(event, into: &batch.documents) {
                batch.rowWeight += SliceWeight.of(event)
            }
        }
    }

    private func delete(_ batch: DeletionBatch) throws(SQLiteError) -> Int {
        try search.remove(batch.documents)
        for seq in batch.seqs {
            try delete.bind(1, seq)
            try delete.run()
        }
        for revision in batch.revisions { try series.noteDeleted(revision, now: receivedAt) }
        if batch.seqs.max() == nextSeq - 1 {
            try floor.bind(1, nextSeq - 1)
            try floor.run()
            try saveClock(receivedAt)
        }
        for (severity, seq) in batch.highest {
            try removed.bind(1, severity.rawValue)
            try removed.bind(2, seq)
            try removed.run()
        }
        return batch.seqs.count
    }
}

/// The findings of retention by age among the events that it examined.
struct ExpiredEvents {
    /// The seqs of expired events, in order.
    var seqs: [Int64] = []
    /// The last seq that was examined.
    var passed: Int64
    /// True if there may be more after it.
    var isMore = false
}

extension Severity {
    /// Reads a column; nil if it is not a severity.
    fileprivate init?(_ bytes: UnsafeRawBufferPointer?) {
        guard let bytes else { return nil }
        self.init(rawValue: String(decoding: bytes, as: UTF8.self))
    }
}
