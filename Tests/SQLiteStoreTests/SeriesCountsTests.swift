import Events
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

/// Which rows the counts of Kubernetes events leave in the file.
@Suite("SeriesCounts")
struct SeriesCountsTests {
    private let folder: TemporaryFolder
    private let connection: Connection
    private static let day: Int64 = 86_400_000

    init() throws {
        folder = try TemporaryFolder()
        try makeLatest(folder.file("events.db"))
        connection = try Connection(folder.file("events.db"), .readWrite)
    }

    private func statements() throws -> EventStatements {
        let statements = try EventStatements(connection, try SearchIndex(connection))
        statements.receivedAt = testMoment.milliseconds
        return statements
    }

    private func revision(_ uid: String, _ version: Int, _ count: Int) throws -> Event {
        try event(["id": "k8s:core:\(uid):\(version)", "metadata": ["count": count]])
    }

    private func rows() throws -> [String] {
        let rows = try connection.prepare(
            "SELECT key || ' ' || count || ' ' || removed FROM series")
        var found: [String] = []
        while try rows.step() { found.append(rows.text(0) ?? "") }
        return found
    }

    @Test("A series has a row from its second revision on")
    func second() throws {
        let statements = try statements()
        for uid in ["a", "b"] { _ = try statements.append(revision(uid, 1, 2)) }
        #expect(try rows() == [])
        _ = try statements.append(revision("a", 2, 5))
        _ = try statements.append(revision("a", 2, 5))
        #expect(try rows() == ["k8s:core:a 5 0"])
    }

    @Test("A row outlives its events for a day, and goes with the last of them that is older")
    func deletion() throws {
        let statements = try statements()
        for (uid, version) in [("a", 1), ("b", 1), ("b", 2)] {
            _ = try statements.append(revision(uid, version, 2 * version))
        }
        #expect(try statements.delete([1]).deleted == 1)
        #expect(try statements.delete([2]).deleted == 1)
        #expect(try rows() == ["k8s:core:a 2 2", "k8s:core:b 4 2"])
        statements.receivedAt += Self.day
        #expect(try statements.delete([3]).deleted == 1)
        #expect(try rows() == ["k8s:core:a 2 2"])
        // One that was single, and is old, leaves nothing.
        _ = try statements.append(revision("c", 1, 9))
        statements.receivedAt += Self.day
        #expect(try statements.delete([4]).deleted == 1)
        #expect(try rows() == ["k8s:core:a 2 2"])
    }

    @Test("Rows that have had no event for a day are forgotten, however many there are")
    func forgetting() throws {
        let most = SeriesCounts.mostRows
        try connection.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(2 * most))
            INSERT INTO series SELECT 'a' || i, 1, 1, \(testMoment.milliseconds) FROM n
            """)
        let statements = try statements()
        for version in 1...2 { _ = try statements.append(revision("b", version, version)) }
        let count = "SELECT count(*) FROM series"
        for _ in 1...3 {
            try statements.forgetOldSeries(now: testMoment.milliseconds + Self.day - 1)
        }
        #expect(try connection.integer(count) == Int64(2 * most + 1))
        for left in [most + 1, 1, 1] {
            try statements.forgetOldSeries(now: testMoment.milliseconds + Self.day)
            #expect(try connection.integer(count) == Int64(left))
        }
        #expect(try rows() == ["k8s:core:b 2 0"])
    }

    @Test("Rows without an event have a bound")
    func bound() throws {
        try connection.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
            INSERT INTO series SELECT 'x' || i, 1, 1, \(testMoment.milliseconds) FROM n
            """)
        let statements = try statements()
        _ = try statements.append(revision("a", 1, 2))
        _ = try statements.append(revision("b", 1, 2))
        _ = try statements.append(revision("b", 2, 3))
        #expect(try statements.delete(1...3).deleted == 3)
        #expect(try connection.integer("SELECT count(*) FROM series") == 100_000)
    }

    @Test("Of large revisions the last one stored is compared before the bytes are used up")
    func large() throws {
        let statements = try statements()
        let note = String(repeating: "x", count: 200_000)
        func large(_ version: Int, _ count: Int) throws -> Event {
            let own = ["resourceVersion": "\(version)"]
            return try event([
                "id": "k8s:core:a:\(version)",
                "metadata": ["count": count, "metadata": own, "note": note],
            ])
        }
        for version in 1...4 { _ = try statements.append(large(version, version)) }
        let repeated = try statements.append(large(5, 4))
        #expect(repeated.kind == "duplicate" && repeated.receipt?.seq == 4)
    }

    @Test("No number that a file may hold does harm")
    func hostile() throws {
        try connection.execute(
            """
            INSERT INTO series VALUES ('k8s:core:a', 9223372036854775807, -9223372036854775807, 'never'),
              ('k8s:core:b', -1, 9223372036854775807, -9223372036854775807), ('k8s:core:c', x'00', 'x', 1e300)
            """)
        let statements = try statements()
        for uid in ["a", "b", "c"] {
            let outcome = try statements.append(revision(uid, 1, 3))
            let occurrences = try #require(outcome.receipt?.occurrences)
            #expect((0...3).contains(occurrences), "\(uid)")
        }
        #expect(try statements.delete(1...3).deleted == 3)
        let longest = try revision("d", 1, .max)
        #expect(try statements.append(longest).receipt?.occurrences == Int64(Int32.max))
    }
}
