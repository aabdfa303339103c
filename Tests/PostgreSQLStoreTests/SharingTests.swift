import EventStore
import Events
import Synchronization
import TestSupport
import Testing

/// Several Logbooks write to one database at once, and each of their tails sees everything.
@Suite("Several Logbooks on one database")
final class SharingTests: Sendable {
    /// What the writers were told.
    private struct History {
        /// The ids by the seqs that they were stored under.
        var stored: [Int64: String] = [:]
        /// The seqs of events that were deleted at some time.
        var deleted: Set<Int64> = []
        /// The replies to events with ids of several writers, and their titles.
        var replies: [String: [(title: String, outcome: AppendOutcome)]] = [:]
        /// The highest count of each series.
        var counts: [String: Int64] = [:]
        var wrong: [String] = []
    }

    private static let sharedIDs = 40
    private static let series = 6

    private let url: String
    private let history = Mutex(History())

    init() throws { url = try PostgreSQLServer.database() }

    private func note(_ events: [Event], _ outcomes: [AppendOutcome]) {
        history.withLock { history in
            for (event, outcome) in zip(events, outcomes) {
                let (id, title) = event.withView { view in
                    (
                        String(decoding: view[.id]!, as: UTF8.self),
                        String(decoding: view[.title]!, as: UTF8.self)
                    )
                }
                if case .stored(let receipt) = outcome {
                    if let other = history.stored.updateValue(id, forKey: receipt.seq) {
                        history.wrong.append("\(other) and \(id) got the seq \(receipt.seq)")
                    }
                }
                if id.hasPrefix("shared") {
                    history.replies[id, default: []].append((title, outcome))
                }
                if let series = event.series {
                    let key = String(decoding: series.key, as: UTF8.self)
                    history.counts[key] = max(history.counts[key] ?? 0, series.count)
                }
            }
        }
    }

    /// Stores some events of all kinds, and deletes some, of its own and of others.
    private func write(_ repository: any EventRepository, _ writer: Int, rounds: Int) async throws {
        var random = SeededGenerator(seed: UInt64(writer))
        for round in 0..<rounds {
            var events: [Event] = []
            for number in 0..<Int.random(in: 1...4, using: &random) {
                events.append(try event(["id": "own-\(writer)-\(round)-\(number)"]))
            }
            let shared = Int.random(in: 0..<Self.sharedIDs, using: &random)
            let title = shared % 2 == 0 ? "Same" : "By \(writer % 2)"
            events.append(try event(["id": "shared-\(shared)", "title": title]))
            // The count of a version is the same for everybody who brings it.
            let version = Int.random(in: 1...60, using: &random)
            let uid = Int.random(in: 0..<Self.series, using: &random)
            events.append(
                try event([
                    "id": "k8s:core:u\(uid):\(version)", "title": "Version \(version)",
                    "metadata": ["count": version * 2],
                ]))
            events.shuffle(using: &random)
            let outcomes = try await repository.append(events)
            note(events, outcomes)
            guard round % 3 == 0 else { continue }
            // One that only this writer has, and one of a series, which comes back.
            try await delete("own-\(writer)-\(round)-0", repository)
            if try await delete("k8s:core:u\(uid):\(version)", repository) {
                let again = events.filter { $0.series != nil }
                note(again, try await repository.append(again))
            }
        }
    }

    @discardableResult
    private func delete(_ id: String, _ repository: any EventRepository) async throws -> Bool {
        let isDeleted = try await repository.delete(id)
        history.withLock { history in
            if id.hasPrefix("own"), !isDeleted { history.wrong.append("\(id) was not there") }
            // Another writer may have stored it again meanwhile, and deleted that.
            for (seq, stored) in history.stored where stored == id { history.deleted.insert(seq) }
        }
        return isDeleted
    }

    @Test("Every tail sees every event once, in order, whoever stores it")
    func together() async throws {
        let logbooks = try (0..<3).map { _ in try Logbook(url) }
        let tails = (0..<scale("LOGBOOK_TAILS", 9)).map { number in
            Tail(logbooks[number % 3].repository, client: UInt64(number + 100))
        }
        try await withThrowingTaskGroup { group in
            for writer in 0..<scale("LOGBOOK_WRITERS", 12) {
                group.addTask { [self] in
                    try await write(
                        logbooks[writer % 3].repository, writer,
                        rounds: scale("LOGBOOK_ROUNDS", 15))
                }
            }
            try await group.waitForAll()
        }
        let history = history.withLock { $0 }
        #expect(history.wrong == [])
        let last = try #require(history.stored.keys.max())
        for (number, tail) in tails.enumerated() {
            await tail.reach(last)
            let seen = tail.seen
            #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.seq < $1.seq }, "tail \(number)")
            for event in seen {
                #expect(history.stored[event.seq] == event.id, "tail \(number), seq \(event.seq)")
            }
            let missed = Set(history.stored.keys).subtracting(seen.map(\.seq))
            #expect(missed.isSubset(of: history.deleted), "tail \(number)")
            #expect(tail.failures == [])
        }
        // The whole of it: nobody else has stored anything.
        #expect(Set(history.stored.keys) == Set(1...last))
        try await checkShared(history, logbooks[0].repository)
        try await checkSeries(history, upTo: last, logbooks[1].repository)
    }

    /// Of all who store an id, one does; those with the same content are told so, and the rest not.
    private func checkShared(_ history: History, _ repository: any EventRepository) async throws {
        for (id, replies) in history.replies {
            let stored = replies.filter { $0.outcome.kind == "stored" }
            #expect(stored.count == 1, "\(id)")
            guard let winner = stored.first else { continue }
            for (title, outcome) in replies where outcome.kind != "stored" {
                #expect(outcome.kind == (title == winner.title ? "duplicate" : "conflict"), "\(id)")
                #expect(outcome.seq == (title == winner.title ? winner.outcome.seq : nil), "\(id)")
            }
        }
    }

    private func checkSeries(
        _ history: History, upTo last: Int64, _ repository: any EventRepository
    ) async throws {
        let sums = try await repository.read { reader in
            var sums: [String: Int64] = [:]
            try reader.follow(.all, 1...last, budget: .seconds(60)) { event in
                if let series = EventSeries(id: event[.id]!, count: 1) {
                    sums[String(decoding: series.key, as: UTF8.self), default: 0] +=
                        event.occurrences
                }
                return true
            }
            return sums
        }
        #expect(sums == history.counts)
    }

    @Test("An id that two delete at once is deleted once")
    func deletedOnce() async throws {
        let logbooks = try (0..<2).map { _ in try Logbook(url) }
        for round in 0..<20 {
            try await logbooks[0].repository.append([event(["id": "a\(round)"])])
            async let first = logbooks[0].repository.delete("a\(round)")
            async let second = logbooks[1].repository.delete("a\(round)")
            #expect(try await [first, second].count { $0 } == 1)
        }
        // The last number is not given again by either.
        let seqs = try await [
            logbooks[1].repository.append([event()])[0].seq,
            logbooks[0].repository.append([event()])[0].seq,
        ]
        #expect(seqs == [21, 22])
    }

    @Test("Everything stored by one is found by the other as soon as it is told")
    func readAtOnce() async throws {
        let logbooks = try (0..<2).map { _ in try Logbook(url) }
        for round in 0..<20 {
            let writer = logbooks[round % 2].repository
            try await writer.append([event(["id": "a\(round)"])])
            #expect(try await logbooks[(round + 1) % 2].repository.page([]).first == "a\(round)")
        }
    }
}
