import CLinux
import EventStore
import Events
import SQLite

/// The requests of many clients, done in one transaction.
///
/// For the writer's thread alone.
final class WriteTransaction {
    /// The reply to one request, due once its transaction is committed.
    enum Answer {
        case appended([AppendOutcome], Write.Reply<[AppendOutcome]>)
        case deleted(Bool, Write.Reply<Bool>)
        case observed(Write.Reply<Void>)
        /// It did not fit.
        case refused(Write)

        func reply() {
            switch self {
            case .appended(let outcomes, let reply): reply(.success(outcomes))
            case .deleted(let existed, let reply): reply(.success(existed))
            case .observed(let reply): reply(.success(()))
            case .refused(let write):
                write.fail(
                    .unavailable(
                        "the database has reached its bound on bytes, and there is no room yet"))
            }
        }
    }

    private let connection: Connection
    private let statements: EventStatements
    private let room: DiskRoom
    private let clock: StoreClock
    private let begin, commit, save, release, rollback: Statement
    /// The outcomes of the events in the last transaction.
    private(set) var tally = EventTally()
    /// True if events in it keep another store's times; the newest row's time is then not the
    /// clock's.
    private var keepsTimes = false
    /// The nanoseconds that it took, and those in which it was written to the WAL and synced.
    private(set) var time = 0
    private(set) var syncTime = 0

    init(
        _ connection: Connection, _ statements: EventStatements, _ room: DiskRoom,
        _ clock: StoreClock
    ) throws(SQLiteError) {
        self.clock = clock
        self.connection = connection
        self.statements = statements
        self.room = room
        begin = try connection.prepare("BEGIN IMMEDIATE")
        commit = try connection.prepare("COMMIT")
        save = try connection.prepare("SAVEPOINT request")
        release = try connection.prepare("RELEASE request")
        rollback = try connection.prepare("ROLLBACK TO request")
    }

    /// Does everything or, if it throws, nothing.
    func run(_ writes: [Write]) throws(SQLiteError) -> [Answer] {
        tally = EventTally()
        let begun = clinux_monotonic_nanoseconds()
        let firstSeq = statements.nextSeq
        do {
            try begin.run()
            statements.receivedAt = clock.now()
            room.begin()
            keepsTimes = false
            var answers: [Answer] = []
            answers.reserveCapacity(writes.count)
            for write in writes { answers.append(try execute(write)) }
            if keepsTimes { try statements.saveClock(statements.receivedAt) }
            let written = clinux_monotonic_nanoseconds()
            try commit.run()
            let synced = clinux_monotonic_nanoseconds()
            time = Int(synced - begun)
            syncTime = Int(synced - written)
            return answers
        } catch {
            connection.rollback()
            statements.nextSeq = firstSeq
            throw error
        }
    }

    private func execute(_ write: Write) throws(SQLiteError) -> Answer {
        switch write {
        case .append(let events, let allOrNothing, let reply):
            // A single event that is not stored changes nothing and needs no savepoint.
            let mayFailAlone = events.count > 1 && (allOrNothing || room.isBounded)
            if mayFailAlone { try save.run() }
            let tallyBefore = tally
            let removedBefore = room.removed
            let seqBefore = statements.nextSeq
            let outcomes = try append(events)
            guard mayFailAlone else {
                return outcomes.map { .appended($0, reply) } ?? .refused(write)
            }
            if let outcomes, !(allOrNothing && outcomes.contains(where: \.isConflict)) {
                try release.run()
                return .appended(outcomes, reply)
            }
            try rollback.run()
            try release.run()
            statements.nextSeq = seqBefore
            tally = tallyBefore
            tally.conflicts += outcomes?.count(where: \.isConflict) ?? 0
            room.forgetRemoved(since: removedBefore)
            return outcomes.map { .appended($0, reply) } ?? .refused(write)
        case .delete(let id, let reply):
            let existed = try statements.delete(id: id)
            if existed { tally.deleted += 1 }
            return .deleted(existed, reply)
        case .observe(let source, let moment, let reply):
            try statements.noteObserved(source, upTo: moment)
            return .observed(reply)
        }
    }

    /// Stores events one after another; nil if one of them does not fit.
    private func append(_ events: [Event]) throws(SQLiteError) -> [AppendOutcome]? {
        var outcomes: [AppendOutcome] = []
        outcomes.reserveCapacity(events.count)
        for event in events {
            guard try room.admit(bytes: event.byteCount) else { return nil }
            if event.givenReceivedAt != nil { keepsTimes = true }
            let outcome = try statements.append(event)
            switch outcome {
            case .stored: event.withView { tally.addStored($0) }
            case .duplicate: tally.duplicates += 1
            case .conflict: tally.conflicts += 1
            }
            outcomes.append(outcome)
        }
        return outcomes
    }
}

extension AppendOutcome {
    fileprivate var isConflict: Bool { if case .conflict = self { true } else { false } }
}
