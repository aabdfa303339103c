import Events
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("Following events by seq")
struct EventStreamTests {
    private func seqs(
        _ reader: SQLiteReader, _ parameters: [(String, String)], _ range: ClosedRange<Int64>,
        most: Int = .max
    ) throws -> [Int64] {
        var seqs: [Int64] = []
        let filter = StreamFilter(try query(parameters))
        try reader.follow(filter, range, budget: .seconds(60)) { event in
            seqs.append(event.seq)
            return seqs.count < most
        }
        return seqs
    }

    @Test("The seqs around a position, counting deleted events where they matter")
    func range() async throws {
        let store = try TestStore()
        let reader = try store.repository.makeReader()
        let nothing = StreamRange(last: 0, oldest: nil, next: nil, removed: 0)
        #expect(try reader.streamRange(after: 0, for: .all) == nothing)
        for number in 1...6 { _ = await store.repository.append([try event(["id": "\(number)"])]) }
        for number in [1, 2, 4, 6] { _ = await store.repository.delete("\(number)") }
        #expect(
            try reader.streamRange(after: 0, for: .all)
                == StreamRange(last: 6, oldest: 3, next: 3, removed: 6)
        )
        #expect(
            try reader.streamRange(after: 3, for: .all)
                == StreamRange(last: 6, oldest: 3, next: 5, removed: 6)
        )
        let end = StreamRange(last: 6, oldest: 3, next: nil, removed: 6)
        #expect(try reader.streamRange(after: 5, for: .all) == end)
        #expect(try reader.streamRange(after: .max, for: .all) == end)
        let errors = StreamFilter(try query([("severity_min", "error")]))
        #expect(
            try reader.streamRange(after: 5, for: errors)
                == StreamRange(last: 6, oldest: 3, next: nil, removed: 0))
    }

    @Test("A stream gets on event by event, however little time it has")
    func progress() async throws {
        let store = try TestStore()
        for _ in 1...3 { _ = await store.repository.append([try event(["metadata": ["a": "x"]])]) }
        let reader = try store.repository.makeReader()
        let filter = StreamFilter(try query([("metadata.a", "nothing")]))
        for seq in Int64(1)...3 {
            let reached = try reader.follow(filter, seq...3, budget: .zero) { _ in true }
            #expect(reached == seq)
        }
    }

    @Test("In order of seq, whatever the times are; as many as are wanted")
    func order() async throws {
        let store = try TestStore()
        let times = ["2026-03-01", "2026-01-01", "2026-02-01"]
        _ = await store.repository.append(
            try times.map {
                try event([
                    "created_at": $0 + "T00:00:00Z", "severity": $0 == times[1] ? "error" : "info",
                ])
            })
        let reader = try store.repository.makeReader()
        #expect(try seqs(reader, [], 1...9) == [1, 2, 3])
        #expect(try seqs(reader, [], 2...2) == [2])
        #expect(try seqs(reader, [], 1...9, most: 2) == [1, 2])
        #expect(try seqs(reader, [("severity", "info")], 1...9) == [1, 3])
        #expect(try seqs(reader, [("since", "2026-02-01T00:00:00Z")], 1...9) == [1, 3])
        #expect(try seqs(reader, [("until", "2026-02-01T00:00:00Z")], 1...9) == [2])
    }

    @Test("Filters that ask the same are equal, whenever they were given")
    func equality() throws {
        let one = StreamFilter(try query([("severity", "info"), ("limit", "7")]))
        #expect(one == StreamFilter(try query([("severity", "info"), ("order", "asc")])))
        #expect(one != StreamFilter(try query([("severity", "error")])))
        #expect(one != StreamFilter(try query([])))
    }
}
