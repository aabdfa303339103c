import Events
import Foundation
import Logging
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

/// Files with values that this project never wrote. For files refused at once see `RefusalTests`.
@Suite("Hostile files")
struct HostileFileTests {
    private let folder: TemporaryFolder
    private let path: String
    private let log = LogRecorder()

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("events.db")
    }

    /// A new file with three events, the first two of them in the search index.
    private func make() throws {
        for name in try folder.names() {
            try FileManager.default.removeItem(atPath: folder.file(name))
        }
        try makeLatest(path)
        let connection = try Connection(path, .readWrite)
        for number in 1...3 {
            try connection.execute(
                """
                INSERT INTO events VALUES (\(number), 'e\(number)', 'operator', 'info', 'fish \(number)', 'Pod', 'ns',
                  'pod', 'eu', 'BackOff', 1, NULL, 1795429845123, '2026-11-23T10:30:4\(number).000Z', 'text', '{"a":1}')
                """)
        }
        try connection.execute("INSERT INTO sources VALUES ('watched', 1795429845123)")
        try connection.transaction { () throws(SQLiteError) in try index(connection, first: 2) }
    }

    // MARK: Rows

    private static let queries: [[(String, String)]] = [
        [], [("order", "asc")], [("q", "fish")], [("q", "fi*"), ("order", "asc")],
        [("severity", "info")], [("cluster", "eu")], [("metadata.a", "1")], [("count", "exact")],
        [("object_kind", "P*")], [("since", "2026-01-01T00:00:00Z")], [("fold", "true")],
        [("fold", "true"), ("order", "asc"), ("count", "exact")],
        [("fold", "true"), ("q", "fish")],
    ]

    /// The ids on all pages of `parameters`, up to a limit in case the pages form a circle.
    private func walk(_ reader: SQLiteReader, _ parameters: [(String, String)]) throws -> [String] {
        var ids: [String] = []
        var cursor: String?
        repeat {
            let query = try query(parameters + [("limit", "1")], cursor: cursor)
            var last: EventQuery.Position?
            var count = 0
            try reader.page(query, budget: .seconds(60)) { event in
                count += 1
                guard count == 1 else { return false }
                _ = rendered(event)
                ids.append(event[.id].map { String(decoding: $0, as: UTF8.self) } ?? "NULL")
                last = EventQuery.Position(event)
                return true
            }
            cursor = count > 1 ? last.map(query.cursor(after:)) : nil
        } while cursor != nil && ids.count < 10
        return ids
    }

    private func follow(_ reader: SQLiteReader) throws -> [String] {
        var lines: [String] = []
        let range = try reader.streamRange(after: 0, for: .all)
        guard let next = range.next else { return [] }
        try reader.follow(
            StreamFilter(try query([])), next...max(next, range.last), budget: .seconds(60)
        ) { event in
            lines.append(rendered(event))
            return true
        }
        return lines
    }

    @Test(
        "A row without a time, or without what every event has, is left out, told, and costs no other"
    )
    func leftOut() throws {
        let columns = ["created_at", "id", "event_type", "severity", "title"]
        for column in columns {
            try make()
            try HostileFile.plant(path, "UPDATE events SET \(column) = NULL WHERE seq = 2")
            let log = LogRecorder()
            let reader = try makeReader(path, log: log)
            #expect(try walk(reader, []) == ["e3", "e1"], "\(column)")
            #expect(try walk(reader, [("order", "asc")]) == ["e1", "e3"], "\(column)")
            #expect(try walk(reader, [("q", "fish")]) == ["e3", "e1"], "\(column)")
            #expect(try follow(reader).count == 2, "\(column)")
            #expect(log.lines.filter { $0.level == .error }.count >= 1)
            #expect(
                log.messages.first
                    == "The row with the seq 2 was left out of an answer because it is not an event (rows left out before: 0). 'logbook check' lists the errors"
            )
            guard column != "id" else { continue }
            #expect(throws: StoreError.damaged) { try reader.json("e2") }
        }
    }

    @Test(
        "Pages get past a time of any kind, either way",
        arguments: HostileFile.values)
    func times(_ value: String) throws {
        try make()
        try HostileFile.plant(path, "UPDATE events SET created_at = \(value) WHERE seq IN (1, 3)")
        let reader = try makeReader(path)
        for parameters in [[], [("order", "asc")]] {
            let ids = try walk(reader, parameters)
            #expect(ids == ["e2"] || ids.sorted() == ["e1", "e2", "e3"], "\(parameters): \(ids)")
        }
        // The index has the event under its former time.
        let ids = try walk(reader, [("q", "fish")])
        #expect(ids.contains("e2") && Set(ids).count == ids.count, "\(ids)")
    }

    @Test("Whatever metadata holds, an event is one line of JSON that says nothing else")
    func metadata() throws {
        for value in HostileFile.values {
            try make()
            try HostileFile.plant(path, "UPDATE events SET metadata = \(value) WHERE seq = 2")
            let lines = try follow(try makeReader(path))
            #expect(lines.count == 3)
            for (index, line) in lines.enumerated() {
                #expect(!line.utf8.contains { $0 == 0x0A || $0 == 0x0D }, "\(value)")
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
                let fields = try #require(object as? [String: Any])
                #expect(fields["seq"] as? Int == index + 1, "\(value)")
                #expect(fields.count == EventField.allCases.count, "\(value)")
            }
        }
    }

    @Test("Statistics end, whatever invalid texts there are")
    func statistics() throws {
        try make()
        try HostileFile.plant(
            path,
            """
            UPDATE events SET severity = CAST(x'ff' AS TEXT), event_type = x'41' WHERE seq = 1;
            UPDATE events SET severity = 7, event_type = CAST(x'80' AS TEXT) WHERE seq = 2
            """)
        for by in ["severity", "event_type", "object_kind"] {
            let query = try StatisticsQuery(
                try query([("since", "2026-11-01T00:00:00Z")]), interval: "1d", by: by,
                occurrences: "true", now: testMoment)
            _ = try makeReader(path).statistics(query, budget: .seconds(5)).get()
        }
        let query = try StatisticsQuery(
            try query([]), interval: nil, by: "severity", occurrences: nil, now: testMoment)
        let found = try makeReader(path).statistics(query, budget: .seconds(5)).get()
        #expect(found.totals[0].counts.map(\.value) == ["info", "\u{FFFD}"])
    }

    @Test("A search ends even if seqs have gaps that no store leaves")
    func gaps() throws {
        try make()
        let far = EventTable.seqs.upperBound
        try HostileFile.plant(
            path,
            """
            UPDATE events SET created_at = '2026-11-23T10:30:45.000Z';
            UPDATE events SET seq = \(far) WHERE seq = 3
            """)
        do {
            let connection = try Connection(path, .readWrite)
            try connection.execute(
                "INSERT INTO search (search) VALUES ('delete-all'); UPDATE search_state SET indexed_seq = 0"
            )
            try connection.transaction { () throws(SQLiteError) in try index(connection, first: 3) }
        }
        let query = try query([("q", "fish")])
        var seqs: Set<Int64> = []
        try makeReader(path).page(query, budget: .seconds(10)) { event in
            seqs.insert(event.seq)
            return true
        }
        #expect(seqs == [far, 2, 1])
    }

    @Test("A deletion that contradicts the search index rebuilds it, and nothing else stops")
    func contradiction() async throws {
        try make()
        try HostileFile.run(
            path,
            "UPDATE events SET description = printf('%.200c', 'x y') || ' and many more words' WHERE seq = 2"
        )
        try HostileFile.run(path, "INSERT INTO search (search) VALUES ('delete-all')")
        let file = path
        let store = try TestStore(make: { path in
            try FileManager.default.copyItem(atPath: file, toPath: path)
        })
        _ = try await store.repository.delete("e2").get()
        #expect(store.log.messages.contains { $0.hasPrefix("The search index is being rebuilt") })
        #expect(store.repository.unwritableReason == nil)
        #expect(try walk(try store.repository.makeReader(), [("q", "fish")]) == ["e3", "e1"])
    }

    @Test("An event that was received at the end of time does not keep older ones from going")
    func received() throws {
        try make()
        let later = testMoment.milliseconds + 86_400_000
        try HostileFile.plant(
            path,
            """
            UPDATE events SET received_at = 9223372036854775807 WHERE seq = 1;
            UPDATE store_state SET clock = \(later)
            """)
        let connection = try Connection(path, .readWrite)
        let statements = try EventStatements(connection, SearchIndex(connection))
        let found = try statements.findExpired(
            [.info], behind: 0, before: later - 1, 10, until: .max)
        #expect(found.seqs == [2, 3] && found.passed == 3)
    }

    // MARK: The check

    @Test("The check names each kind of bad value once, with the first row")
    func check() throws {
        try make()
        try HostileFile.plant(
            path,
            """
            UPDATE events SET metadata = 'x', occurrences = -1, received_at = 'never', fold_key = 1.5 WHERE seq >= 2;
            UPDATE events SET created_at = 'yesterday', description = x'00' WHERE seq = 3;
            UPDATE search_state SET indexed_seq = -1
            """)
        let check = try DatabaseCheck(of: path, logger: log.logger)
        #expect(
            check.findings == [
                "search_state.indexed_seq is -1", "the newest event.received_at is 'never'",
                "1 events whose created_at is not a time in the years 1970 to 2099; the first has the seq 3",
                "1 events whose description is not text; the first has the seq 3",
                "2 events whose fold_key is not an integer; the first has the seq 2",
                "2 events whose metadata is not a JSON object on one line; the first has the seq 2",
                "2 events whose occurrences is not from 0 to 2147483647; the first has the seq 2",
                "2 events whose received_at is not an integer; the first has the seq 2",
            ])
    }

    @Test("A migrated file of odd rows is whole")
    func migrated() throws {
        try makeVersion1(path, events: 2)
        try HostileFile.run(
            path,
            """
            INSERT INTO events VALUES
              (NULL, 'Not A Type', 'FATAL', '', NULL, '', '', '', 'x', ''),
              (x'ff', x'ff', x'ff', x'ff', x'ff', x'ff', x'ff', x'ff', x'ff', x'ff'),
              ('lines', 't', 'info', 't', NULL, NULL, NULL, NULL, '{' || char(10) || '}', '2026-01-01')
            """)
        _ = try manager(path).prepare { _ in }
        #expect(try DatabaseCheck(of: path, logger: log.logger).findings == [])
        #expect(try walk(try makeReader(path), []).count == 5)
    }

    @Test("Version 1 with numbers for texts, or required values missing, is damaged")
    func version1() throws {
        for sql in ["UPDATE events SET id = 7", "UPDATE events SET title = NULL"] {
            for name in try folder.names() {
                try FileManager.default.removeItem(atPath: folder.file(name))
            }
            try makeVersion1(path, events: 1)
            try HostileFile.plant(path, sql)
            let before = try folder.contents()
            let error = #expect(throws: SchemaError.self) { try manager(path).prepare { _ in } }
            #expect(error?.message.contains("is damaged (N") == true, "\(sql)")
            #expect(try folder.contents() == before)
        }
    }

    // MARK: Everything at once

    /// Performs the operations of a file in service.
    private func use() async throws {
        var configuration = StoreConfiguration(path: path)
        configuration.retention.ages = [.info: .seconds(1)]
        configuration.reserveBytes = 0
        let repository = SQLiteRepository(configuration, logger: log.logger, now: { testMoment })
        do throws(SchemaError) { try repository.open() } catch {
            // RefusalTests has its message.
            return
        }
        defer { repository.close() }
        let reader = try repository.makeReader()
        _ = try reader.observedAt(source: "watched")
        for parameters in Self.queries {
            #expect(try walk(reader, parameters).count <= 4, "\(parameters) goes round in circles")
        }
        for by in ["severity", "object_name", "object"] {
            let query = try StatisticsQuery(
                try query([]), interval: nil, by: by, occurrences: "true", now: testMoment)
            _ = try reader.statistics(query, budget: .seconds(60))
        }
        for line in try follow(reader) {
            #expect(!line.utf8.contains { $0 == 0x0A || $0 == 0x0D })
            _ = try JSONSerialization.jsonObject(with: Data(line.utf8))
        }
        let outcome = try await repository.append([
            try event(["id": "new"]), try event(["id": "e2"]),
        ])
        .get()
        let new = try #require(outcome.first)
        let seq = try #require(new.seq)
        #expect(new.kind == "stored" && (1...(1 << 53)).contains(seq))
        #expect(try reader.json("new") != nil)
        for id in ["new", "e1", "e2", "e3"] { _ = try await repository.delete(id).get() }
    }

    @Test("No value in any column or state ends the process", arguments: 0..<12)
    func mutations(_ round: Int) async throws {
        var generator = SeededGenerator(seed: UInt64(round))
        let columns =
            [
                "store_state.clock", "store_state.floor_seq", "search_state.indexed_seq",
                "retention.passed_seq", "retention.removed_seq", "sources.observed_at",
                "events.seq",
            ] + EventField.allCases.map { "events.\($0.name)" }
        for column in columns {
            let parts = column.split(separator: ".")
            try make()
            let value = HostileFile.values.randomElement(using: &generator) ?? "NULL"
            let place =
                parts[0] == "events"
                ? "WHERE seq = \(Int.random(in: 1...3, using: &generator))" : ""
            do {
                try HostileFile.plant(
                    path, "UPDATE \(parts[0]) SET \(parts[1]) = \(value) \(place)")
            } catch {
                // A seq that is not a number, or a duplicate key: not even SQLite allows it.
                continue
            }
            do throws(SchemaError) {
                _ = try DatabaseCheck(of: path, logger: log.logger)
            } catch {
                #expect(error.message.contains(path))
            }
            try await use()
        }
    }
}
