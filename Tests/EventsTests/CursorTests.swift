import TestSupport
import Testing

@testable import Events

@Suite("Cursor")
struct CursorTests {
    private static let position = EventQuery.Position(
        createdAt: "2026-11-23T10:00:00.001Z", seq: 1_234_567_890_123)

    private static func query(
        _ parameters: [(String, String)], cursor: String? = nil, now: Timestamp = testMoment
    ) throws -> EventQuery {
        let all = parameters + (cursor.map { [("cursor", $0)] } ?? [])
        return try EventQuery(all.map { (name: $0.0, value: $0.1) }, now: now)
    }

    private static let filtered = [
        ("severity", "error"), ("object_kind", "Pod"), ("since", "7d"),
        ("until", "2026-11-23T10:30:45Z"),
    ]

    @Test("A cursor returns the same query to its position")
    func roundTrip() throws {
        var generator = SeededGenerator(seed: 4)
        let extremes: [Int64] = [0, 1, .max, .min]
        let random = (0..<200).map { _ in Int64.random(in: 1 ... .max, using: &generator) }
        for seq in extremes + random {
            let time = Timestamp(milliseconds: Int64.random(in: 0...9_999_999, using: &generator))!
            let createdAts = [time.text, "", "any text é", String(repeating: "x", count: 487)]
            for createdAt in createdAts {
                let position = EventQuery.Position(createdAt: createdAt, seq: seq)
                let first = try Self.query(Self.filtered)
                let text = first.cursor(after: position)
                #expect(text.wholeMatch(of: /[0-9a-f]+/) != nil)
                let next = try Self.query(Self.filtered, cursor: text)
                #expect(next.after == position)
                #expect(next.conditions.since == first.conditions.since)
                #expect(next.conditions.until == first.conditions.until)
                #expect(next.cursor(after: position) == text)
            }
        }
    }

    @Test("Every alteration of one character is refused")
    func alterations() throws {
        let text = Array(try Self.query(Self.filtered).cursor(after: Self.position))
        #expect(throws: Never.self) { try Self.query(Self.filtered, cursor: String(text)) }
        for index in text.indices {
            for character in "0123456789abcdefABCDEF g~%" where character != text[index] {
                var altered = text
                altered[index] = character
                Self.expectRefused(String(altered))
            }
            Self.expectRefused(String(text[..<index]))
            var shorter = text
            shorter.remove(at: index)
            Self.expectRefused(String(shorter))
            var longer = text
            longer.insert(text[index], at: index)
            Self.expectRefused(String(longer))
            if index > 0, text[index] != text[index - 1] {
                var swapped = text
                swapped.swapAt(index, index - 1)
                Self.expectRefused(String(swapped))
            }
        }
        Self.expectRefused(String(text).uppercased())
        Self.expectRefused(String(text) + "00")
        Self.expectRefused(String(repeating: "0", count: 50))
        Self.expectRefused("01" + String(repeating: "00", count: 600))
    }

    private static func expectRefused(_ cursor: String) {
        let error = #expect(throws: QueryError.self, "\(cursor)") {
            try query(filtered, cursor: cursor)
        }
        #expect(error?.parameter == "cursor")
    }

    @Test("Other filters or another order are refused; another limit is not")
    func otherQuery() throws {
        let text = try Self.query(Self.filtered).cursor(after: Self.position)
        var others: [[(String, String)]] = Self.filtered.indices.map { index in
            var fewer = Self.filtered
            fewer.remove(at: index)
            return fewer
        }
        let changes = [
            ("severity", "critical"), ("object_kind", "pod"), ("since", "8d"),
            ("until", "2026-11-23T10:30:46Z"),
        ]
        others += changes.map { name, value in
            Self.filtered.map { $0.0 == name ? (name, value) : $0 }
        }
        others += [
            [("order", "asc")], [("event_type", "system")], [("object_namespace", "n")],
            [("object_name", "error")],
        ].map { Self.filtered + $0 }
        for other in others {
            let error = #expect(throws: QueryError.self, "\(other)") {
                try Self.query(other, cursor: text)
            }
            #expect(error?.parameter == "cursor")
        }
        let sameInOtherWords =
            [
                ("limit", "7"), ("order", "desc"), ("since", "168h"), ("severity", "error,error"),
                ("severity_min", "warning"),
            ] + Self.filtered.filter { !["since", "severity"].contains($0.0) }.reversed()
        #expect(try Self.query(sameInOtherWords, cursor: text).after == Self.position)
        // A value that moves to another field makes another query.
        let kind = try Self.query([("object_kind", "x")]).cursor(after: Self.position)
        #expect(throws: QueryError.self) { try Self.query([("object_name", "x")], cursor: kind) }
        // So does a value that looks like two parameters, whatever separates them.
        let two = [("object_kind", "x"), ("object_name", "y")]
        for separator in ["\u{0}", "&", "1:", "\u{0}1:"] {
            let text = "x\(separator)object_name=y"
            let one = try Self.query([("object_kind", text)]).cursor(after: Self.position)
            #expect(throws: QueryError.self) { try Self.query(two, cursor: one) }
        }
    }

    @Test("An ascending cursor leads on in ascending order only")
    func ascending() throws {
        let text = try Self.query([("order", "asc")]).cursor(after: Self.position)
        #expect(try Self.query([("order", "asc")], cursor: text).after == Self.position)
        #expect(throws: QueryError.self) { try Self.query([], cursor: text) }
        #expect(throws: QueryError.self) { try Self.query([("order", "desc")], cursor: text) }
    }

    @Test("Ages count from the moment of the first page, however late the next ones are")
    func pinnedAges() throws {
        let parameters = [("since", "1h"), ("until", "15m")]
        let first = try Self.query(parameters)
        var cursor = first.cursor(after: Self.position)
        for page in 1...3 {
            let later = Timestamp(milliseconds: testMoment.milliseconds + Int64(page) * 7_200_000)!
            let next = try Self.query(parameters, cursor: cursor, now: later)
            #expect(next.conditions.since == first.conditions.since)
            #expect(next.conditions.until == first.conditions.until)
            cursor = next.cursor(after: Self.position)
        }
        let anew = try Self.query(
            parameters, now: Timestamp(milliseconds: testMoment.milliseconds + 1)!)
        #expect(anew.conditions.since != first.conditions.since)
    }
}
