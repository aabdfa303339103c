import Events
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("SliceWeight")
struct SliceWeightTests {
    private let folder: TemporaryFolder
    private let connection: Connection
    private let search: SearchIndex
    private let statements: EventStatements

    /// The size of an event that weighs 1 plus one unit for each of its about 64,000 bytes; 17
    /// exceed the bound.
    private static let bytes = 64_000
    private static let most = 17
    private static let count = 40

    init() throws {
        folder = try TemporaryFolder()
        let path = folder.file("events.db")
        try makeLatest(path)
        connection = try Connection(path, .readWrite)
        for id in 1...Self.count {
            try connection.execute(
                """
                INSERT INTO events (received_at, id, event_type, severity, title, description, created_at)
                VALUES (0, \(id), 'cluster', 'info', 't', printf('%.\(Self.bytes)c', '-'), '\(testMoment.text)')
                """)
        }
        search = try SearchIndex(connection)
        statements = try EventStatements(connection, search)
    }

    @Test("An event is as heavy as its bytes")
    func weight() throws {
        let event = try event(["description": String(repeating: "-", count: 640)])
        event.withView { view in
            #expect(view.byteCount > 640)
            #expect(SliceWeight.of(view) == 1 + view.byteCount / 64)
        }
        #expect(SliceWeight.mostDeleted / (Self.bytes / 64) + 1 == Self.most)
    }

    @Test("A transaction deletes as many as its weight allows", arguments: [false, true])
    func deletions(isIndexed: Bool) throws {
        if isIndexed {
            try connection.transaction { () throws(SQLiteError) in
                try index(connection, search, first: Self.count)
            }
            search.noteCommit()
        }
        #expect(try statements.delete(Int64(1)...10) == (10, 10))
        #expect(try statements.deleteFirst(1000) == Self.most)
        // The seqs of deleted events are skipped and weigh nothing.
        #expect(try statements.delete(Int64(1)...1000) == (13, 1000))
    }

    @Test("What has reached its age goes in several transactions, to the last")
    func expired() throws {
        func find(_ place: Int64, _ limit: Int = 1000) throws -> ExpiredEvents {
            try statements.findExpired([.info], behind: place, before: .max, limit, until: .max)
        }
        let found = try find(0)
        #expect(found.passed == found.seqs.last && found.isMore)
        #expect(try find(0, 7).seqs == Array(found.seqs.prefix(7)))
        #expect(try find(found.passed).isMore == false)
        var rest = found.seqs[...]
        var slices: [Int] = []
        while !rest.isEmpty {
            let (deleted, taken) = try statements.delete(rest)
            rest.removeFirst(taken)
            slices.append(deleted)
        }
        #expect(slices == [Self.most, Self.most, 6])
    }
}
