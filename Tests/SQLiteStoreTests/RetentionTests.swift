import Events
import Foundation
import JSON
import SQLite
import Synchronization
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("Retention")
struct RetentionTests {
    private static func time(daysAgo days: Double) -> String {
        Timestamp(milliseconds: testMoment.milliseconds - Int64(days * 86_400_000))!.text
    }

    /// Fills a file with events of every severity, one for each day before the test's moment,
    /// shifted by half a day.
    private static func fill(_ path: String, days: Int) throws {
        try makeLatest(path)
        let connection = try Connection(path, .readWrite)
        let insert = try connection.prepare(
            """
            INSERT INTO events (received_at, id, event_type, severity, title, created_at)
            VALUES (unixepoch(?3) * 1000, ?1, 'operator', ?2, 't', ?3)
            """)
        try connection.transaction { () throws(SQLiteError) in
            for day in (0..<days).reversed() {
                for severity in Severity.allCases {
                    try insert.bind(1, "\(severity)-\(day)")
                    try insert.bind(2, severity.rawValue)
                    try insert.bind(3, time(daysAgo: Double(day) + 0.5))
                    try insert.run()
                }
            }
            // The last one is current, so the store's clock starts there.
            try insert.bind(1, "last")
            try insert.bind(2, "critical")
            try insert.bind(3, testMoment.text)
            try insert.run()
        }
    }

    // MARK: By age

    @Test("Each severity is removed at its own age, and younger events stay")
    func byAge() async throws {
        let store = try TestStore(
            make: { try Self.fill($0, days: 40) },
            configure: {
                $0.retention = Retention()
            })
        _ = try await store.repository.append([try event()]).get()
        await store.log.wait(for: "Retention removed 86 events that had reached their age")
        for (severity, kept) in [("info", 7), ("warning", 7), ("error", 30), ("critical", 30)] {
            let left = try rows(
                store.path,
                "SELECT count(*) FROM events WHERE severity = '\(severity)' AND id LIKE '\(severity)-%'"
            )
            #expect(left == ["\(kept)"], "\(severity)")
        }
        #expect(store.repository.statistics.removedByAge == 86)
        #expect(store.repository.statistics.removedForBytes == 0)
    }

    @Test(
        "A severity without an age is kept forever; an event of the far future as well, until its day"
    )
    func forever() async throws {
        let store = try TestStore(
            make: { try Self.fill($0, days: 20) },
            configure: {
                $0.retention.ages = [.info: .seconds(86_400)]
            })
        _ = try await store.repository.append(
            [try event(["id": "future", "created_at": "2099-01-01T00:00:00Z"])]
        ).get()
        await store.log.wait(for: "Retention removed 19 events that had reached their age")
        #expect(
            try rows(store.path, "SELECT count(*) FROM events WHERE severity != 'info'") == ["61"])
        #expect(try rows(store.path, "SELECT count(*) FROM events WHERE id = 'future'") == ["1"])
    }

    @Test("A clock that jumps ahead by years leaves the history standing")
    func jump() async throws {
        let store = try TestStore(
            make: { try Self.fill($0, days: 3) },
            configure: {
                $0.retention = Retention()
                $0.retention.interval = .milliseconds(1)
            })
        store.jump(to: Timestamp(milliseconds: testMoment.milliseconds + 5 * 365 * 86_400_000)!)
        for _ in 1...20 { _ = try await store.repository.append([try event()]).get() }
        #expect(try rows(store.path, "SELECT count(*) FROM events") == ["33"])
        #expect(store.log.messages.contains { $0.contains("s ahead of the store's") })
    }

    @Test(
        "A clock that is years ahead at a start leaves the history standing, and so does its next start"
    )
    func jumpAtStart() async throws {
        let later = Timestamp(milliseconds: testMoment.milliseconds + 10 * 365 * 86_400_000)!
        let store = try TestStore(
            make: { try Self.fill($0, days: 3) },
            configure: { $0.retention = Retention() }, at: later)
        await store.log.wait(for: "The system's clock is", isPrefix: true)
        _ = try await store.repository.append([try event()]).get()
        #expect(try rows(store.path, "SELECT count(*) FROM events") == ["14"])
        let received = Int64(try rows(store.path, "SELECT max(received_at) FROM events")[0])!
        // A minute of the test is an hour of the store's clock.
        #expect(received < testMoment.milliseconds + 86_400_000)
        store.repository.close()
        let saved = try rows(store.path, "SELECT clock FROM store_state", mode: .immutable)
        #expect(Int64(saved[0])! >= received)
        #expect(Int64(saved[0])! < testMoment.milliseconds + 86_400_000)
    }

    @Test(
        "What a sender says of the time decides nothing: an old dump stays, and the year 2099 goes")
    func sendersClocks() async throws {
        let day: Int64 = 86_400_000
        let store = try TestStore(configure: {
            $0.retention = Retention()
            $0.retention.interval = .milliseconds(1)
        })
        for year in ["1970", "1999", "2099"] {
            _ = try await store.repository.append(
                [try event(["id": year, "created_at": "\(year)-06-01T00:00:00Z"])]
            ).get()
        }
        store.jump(to: Timestamp(milliseconds: testMoment.milliseconds + 6 * day)!)
        for _ in 1...20 { _ = try await store.repository.append([try event()]).get() }
        #expect(try rows(store.path, "SELECT count(*) FROM events") == ["23"])
        store.repository.close()
        // The same, received eight days ago.
        let writer = try Connection(store.path, .readWrite)
        try writer.execute(
            "UPDATE events SET received_at = received_at - \(8 * day) WHERE length(id) = 4")
        try writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        let again = try TestStore(
            make: { try FileManager.default.copyItem(atPath: store.path, toPath: $0) },
            configure: { $0.retention = Retention() })
        await again.log.wait(for: "Retention removed 3 events that had reached their age")
        #expect(try rows(again.path, "SELECT count(*) FROM events") == ["20"])
    }

    @Test("It continues after the position in the file for a severity, in the order of arrival")
    func places() async throws {
        let store = try TestStore(
            make: { try Self.fill($0, days: 40) }, configure: { $0.retention = Retention() })
        await store.log.wait(for: "Retention removed 86 events that had reached their age")
        // 33 days of four events each have expired for two severities, 10 for the others.
        let places = ["info|132", "warning|132", "error|40", "critical|40"]
        let sql =
            "SELECT severity, passed_seq FROM retention ORDER BY passed_seq DESC, severity DESC"
        #expect(Set(try rows(store.path, sql)) == Set(places))
        let removed = "SELECT severity, removed_seq FROM retention"
        #expect(
            Set(try rows(store.path, removed))
                == ["info|129", "warning|130", "error|39", "critical|40"])
        // Events before its position are not examined again, whatever their time.
        store.repository.close()
        let again = try TestStore(
            make: { path in
                try FileManager.default.copyItem(atPath: store.path, toPath: path)
                try Connection(path, .readWrite).execute(
                    "UPDATE events SET received_at = 0 WHERE seq IN (133, 134, 43, 44)")
            }, configure: { $0.retention = Retention() })
        await again.log.wait(for: "Retention removed 4 events that had reached their age")
        #expect(try rows(again.path, "SELECT seq FROM events WHERE seq < 45") == [])
    }

    @Test("Times of another store are kept, never later than now, and do not turn the clock back")
    func keptTimes() async throws {
        let day: Int64 = 86_400_000
        let store = try TestStore(configure: { $0.retention = Retention() })
        func kept(_ id: String, daysAgo days: Int64) throws -> Event {
            let time = Timestamp(milliseconds: testMoment.milliseconds - days * day)!.text
            let json = Data(
                #"{"id":"\#(id)","event_type":"a","severity":"info","title":"t","received_at":"\#(time)"}"#
                    .utf8)
            return try json.withUnsafeBytes { bytes in
                var reader = JSONReader(bytes)
                switch try EventDecoder.decode(&reader, now: testMoment, keepsReceivedAt: true) {
                case .event(let event): return event
                case .invalid(let errors): throw errors[0]
                }
            }
        }
        let outcomes = try await store.repository.append(
            [try kept("a", daysAgo: 6), try kept("b", daysAgo: -6), try kept("c", daysAgo: 5)]
        ).get()
        let moment = testMoment.milliseconds
        #expect(
            outcomes.map { $0.receipt?.receivedAt } == [moment - 6 * day, moment, moment - 5 * day])
        #expect(try rows(store.path, "SELECT clock FROM store_state") == ["\(moment)"])
    }

    // MARK: By number

    @Test("Of too many events those that came first go, and the number is right from the start")
    func byCount() async throws {
        let store = try TestStore(
            make: { try Self.fill($0, days: 100) },
            configure: {
                $0.retention.events = 50
                $0.retention.ages = [:]
            })
        let deadline = Date(timeIntervalSinceNow: 60)
        var left = ""
        var next = 0
        // Each commit gives retention a turn. Only the number itself shows its progress.
        repeat {
            _ = try await store.repository.append([try event(["id": "new-\(next)"])]).get()
            next += 1
            left = try rows(store.path, "SELECT count(*) FROM events")[0]
        } while left != "50" && Date() < deadline
        #expect(left == "50")
        store.repository.close()
        let firstKept = 401 + next - 50 + 1
        #expect(
            try rows(store.path, "SELECT min(seq) FROM events", mode: .immutable)
                == ["\(firstKept)"])
    }

    @Test("Too many go as soon as they have been counted, though nothing is written")
    func byCountAtRest() async throws {
        let store = try TestStore(
            make: { try Self.fill($0, days: 100) },
            configure: {
                $0.retention.events = 50
                $0.retention.ages = [:]
                $0.retention.interval = .seconds(3600)
            })
        await store.log.wait(
            for: "Removed 128 events before their age, to keep within --max-events")
    }

    // MARK: By bytes

    @Test(
        "Database and WAL never exceed their limit, however much arrives; the newest events are kept"
    )
    func byBytes() async throws {
        let bound = 8 * 1024 * 1024
        let most = Mutex<Int64>(0)
        let store = try TestStore(configure: {
            $0.retention.bytes = bound
        })
        let text = String(repeating: "x", count: 2_000)
        var stored = 0
        for batch in 0..<150 {
            let events = try (0..<100).map {
                try event(["id": "\(batch)-\($0)", "description": text])
            }
            let outcomes = try await store.repository.append(events).get()
            stored += outcomes.count
            let sizes = store.repository.fileSizes
            most.withLock { $0 = max($0, sizes.database + sizes.wal) }
        }
        // 30 MB of descriptions have passed through.
        #expect(most.withLock { $0 } <= Int64(bound))
        #expect(most.withLock { $0 } > Int64(bound) / 2)
        // The jobs continue after the last commit, so the two figures are taken while they are
        // held.
        let block = WriterBlock(store.repository)
        let statistics = store.repository.statistics
        #expect(statistics.removedForBytes > 10_000)
        let left = try rows(store.path, "SELECT count(*), max(seq) FROM events")[0].split(
            separator: "|")
        #expect(Int(left[0])! == stored - statistics.removedForBytes)
        #expect(left[1] == "15000")
        block.release()
        store.repository.close()
        #expect(
            try rows(store.path, "PRAGMA integrity_check", mode: .immutable) == ["ok"])
    }

    @Test("A full database whose search index is as large as its events continues, and makes space")
    func byBytesOfWords() async throws {
        let store = try TestStore(configure: { $0.retention.bytes = 24 * 1024 * 1024 })
        var random = SeededGenerator(seed: 1)
        var stored = 0
        var refusals = 0
        for batch in 0..<60 {
            let events = try (0..<500).map { number in
                let words = (0..<100).map { _ in String(random.next() % 1_000_000, radix: 36) }
                return try event([
                    "id": "\(batch)-\(number)",
                    "description": "needle " + words.joined(separator: " "),
                ])
            }
            // If it is full for a moment, the sender retries.
            while true {
                if let outcomes = try? await store.repository.append(events).get() {
                    stored += outcomes.count
                    break
                }
                refusals += 1
                try #require(refusals < 200)
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        #expect(stored == 30_000)
        #expect(store.repository.statistics.removedForBytes > 1000)
        #expect(store.log.messages.contains { $0.contains("being rebuilt") })
        // Queued events are not refused as on a full disk.
        #expect(!store.log.messages.contains { $0.hasPrefix("Writing failed") })
        #expect(store.log.messages.filter { $0.contains("failed and will be retried") } == [])
        // Whatever happened to the index, the remaining events are found once the store is idle.
        let reader = try store.repository.makeReader()
        let needle = try query([("q", "needle")])
        var left: [String], found: [String]
        var looks = 0
        repeat {
            looks += 1
            try await Task.sleep(for: .milliseconds(50))
            left = try rows(store.path, "SELECT count(*) FROM events")
            found = (try? reader.count(needle, budget: .seconds(60))).map { ["\($0)"] } ?? []
        } while found != left && looks < 200
        #expect(found == left)
        #expect(left != ["0"])
    }

    @Test("What does not fit even into an empty database is refused, and nothing else suffers")
    func tooLarge() async throws {
        let store = try TestStore(configure: { $0.retention.bytes = 2 * 1024 * 1024 })
        let text = String(repeating: "x", count: 60_000)
        let huge = try (0..<100).map { _ in try event(["description": text]) }
        let result = await store.repository.append(huge)
        #expect(
            throws: StoreError.unavailable(
                "the database has reached its bound on bytes, and there is no room yet")
        ) { try result.get() }
        #expect(try await store.repository.append([try event()]).get().count == 1)
        #expect(store.repository.unwritableReason == nil)
        let sizes = store.repository.fileSizes
        #expect(sizes.database + sizes.wal <= 2 * 1024 * 1024)
    }

    @Test("The file shrinks when much has been removed")
    func shrinks() async throws {
        let store = try TestStore()
        let text = String(repeating: "x", count: 4_000)
        for _ in 0..<20 {
            _ = try await store.repository.append(
                (0..<100).map { _ in try event(["description": text]) }
            ).get()
        }
        #expect(store.repository.fileSizes.database + store.repository.fileSizes.wal > 8_000_000)
        for row in try rows(store.path, "SELECT id FROM events") {
            _ = await store.repository.delete(row)
        }
        // The jobs run after the commits, and closing would not wait for them. At most 512 free
        // pages are kept (docs/limits.md). The search index merges its deletions at its own pace,
        // and has a page for each row of its data.
        let deadline = Date(timeIntervalSinceNow: 60)
        func number(_ sql: String) throws -> Int { Int(try rows(store.path, sql)[0])! }
        var free = 0
        var used = 0
        var most = 0
        repeat {
            most = 144 + (try number("SELECT count(*) FROM search_data"))
            free = try number("PRAGMA freelist_count")
            used = try number("PRAGMA page_count") - free
            await Task.yield()
        } while (free > 512 || used > most) && Date() < deadline
        #expect(free <= 512)
        #expect(used <= most)
        store.repository.close()
        #expect(store.repository.fileSizes.database <= (512 + most) * 4096)
    }
}
