import EventStore
import Events
import Foundation
import SQLiteStore
import TestSupport
import Testing

/// The same events in SQLite and in PostgreSQL answer every query in the same way.
@Suite("Both stores answer alike")
struct ContentTests {
    private let folder: TemporaryFolder
    private let logbook: Logbook
    private let sqlite: SQLiteRepository
    private var both: [any EventRepository] { [sqlite, logbook.repository] }

    init() throws {
        folder = try TemporaryFolder()
        logbook = try Logbook(PostgreSQLServer.database())
        var configuration = StoreConfiguration(path: folder.file("events.db"))
        configuration.retention.ages = [:]
        sqlite = SQLiteRepository(
            configuration, logger: quietLogger,
            now: { Timestamp(clamping: Int64(Date.now.timeIntervalSince1970 * 1000)) })
        try sqlite.open()
    }

    /// What each store says, as text.
    private func answers(
        _ body: (any EventRepository) async throws -> String
    ) async -> [String] {
        var answers: [String] = []
        for store in both {
            do {
                answers.append(try await body(store))
            } catch {
                answers.append("\(error)")
            }
        }
        return answers
    }

    /// Expects the same answer of both.
    @discardableResult
    private func expectSame(
        _ about: @autoclosure () -> String, _ body: (any EventRepository) async throws -> String
    ) async -> String {
        let answers = await answers(body)
        if answers[0] != answers[1] {
            let place =
                zip(answers[0].utf8, answers[1].utf8).enumerated()
                .first { $1.0 != $1.1 }?.offset ?? 0
            let pieces = answers.map {
                String(decoding: $0.utf8.dropFirst(max(0, place - 60)).prefix(200), as: UTF8.self)
            }
            Issue.record(
                "\(about()): SQLite …\(pieces[0])…, PostgreSQL …\(pieces[1])…"
            )
        }
        return answers[0]
    }

    private func fill(_ content: inout RandomContent, _ count: Int) async throws {
        var number = 0
        while number < count {
            let batch = try (0..<20).map { try content.event(number + $0) }
            number += batch.count
            await expectSame("events up to \(number)") { store in
                let outcomes = try await store.append(batch, allOrNothing: number % 7 == 0)
                // What was not stored has no receipt to compare.
                let isNone = number % 7 == 0 && outcomes.contains { $0.kind == "conflict" }
                return outcomes.map { outcome in
                    outcome.kind + (isNone ? "" : " \(outcome.receipt as Any)")
                }.joined(separator: "\n")
            }
            for id in ["e\(number / 3)", "k8s:core:u\(number % 12):7"] {
                await expectSame("deleting \(id)") { "\(try await $0.delete(id))" }
            }
        }
    }

    private static func walk(
        _ store: any EventRepository, _ parameters: [(String, String)]
    ) async throws -> String {
        var lines: [String] = []
        var cursor: String?
        repeat {
            let asked = try query(parameters, cursor: cursor)
            let (page, total, next) = try await store.read { reader in
                var page: [String] = []
                var next: String?
                var last: EventQuery.Position?
                let total = try reader.page(asked, budget: .seconds(60)) { event in
                    guard page.count < asked.limit else {
                        next = last.map { asked.cursor(after: $0) }
                        return false
                    }
                    var line = rendered(event)
                    if let fold = event.fold {
                        line += " \(fold.occurrences) \(fold.events) \(fold.isAtLeast)"
                        line += String(decoding: fold.first, as: UTF8.self)
                    }
                    page.append(line)
                    last = EventQuery.Position(event)
                    return true
                }
                return (page, total, next)
            }
            lines += page + ["page of \(total.map(String.init) ?? "?")"]
            cursor = next
        } while cursor != nil
        return lines.joined(separator: "\n")
    }

    private func ask(_ parameters: [(String, String)], _ content: inout RandomContent) async throws
    {
        guard let asked = try? query(parameters) else { return }
        let limit = content.choice(["20", "100", "1000"])
        let order = content.choice(["asc", "desc"])
        let paging = [("limit", limit), ("order", order)]
        await expectSame("\(parameters) \(paging)") { try await Self.walk($0, parameters + paging) }
        let folding = paging + [("fold", "true"), ("count", "exact")]
        await expectSame("\(parameters) \(folding)") {
            try await Self.walk($0, parameters + folding)
        }
        await expectSame("the number of \(parameters)") { store in
            "\(try await store.read { try $0.count(asked, budget: .seconds(60)) })"
        }
        let offset = [("offset", content.choice(["1", "9"])), ("count", "exact"), ("limit", "5")]
        await expectSame("\(parameters) \(offset)") { store in
            try await store.page(parameters + offset).joined(separator: " ")
        }
        let by = content.choice([
            nil, "severity", "object", "object_name,reason", "cluster,object", "object_kind",
        ])
        let occurrences = content.choice([nil, "true"])
        let interval = content.choice([nil, "1h", "1d"])
        let counting = try StatisticsQuery(
            asked, interval: interval, by: by, occurrences: occurrences, now: testMoment)
        await expectSame("\(parameters) by \(by ?? "-") \(occurrences ?? "")") { store in
            try await store.read { reader in
                switch try reader.statistics(counting, budget: .seconds(60)) {
                case .failure(let error): return "\(error)"
                case .success(let found):
                    return "\(found.events)\n\(found.totals)\n\(found.series)\n\(found.buckets)"
                }
            }
        }
        await expectSame("following \(parameters)") { store in
            try await store.read { reader in
                var seqs: [Int64] = []
                try reader.follow(StreamFilter(asked), 1...9000, budget: .seconds(60)) { event in
                    seqs.append(event.seq)
                    return true
                }
                var range = try reader.streamRange(after: 99, for: StreamFilter(asked))
                range.epoch = nil
                return "\(seqs) \(range)"
            }
        }
    }

    @Test("Random events, deletions and queries", arguments: UInt64(1)...2)
    func random(seed: UInt64) async throws {
        var content = RandomContent(seed: seed)
        try await fill(&content, 400)
        for _ in 0..<scale("LOGBOOK_QUERIES", 100) {
            try await ask(content.query(), &content)
        }
        let gone = try query([("severity", "info"), ("limit", "1000")])
        let deleted = await expectSame("deleting by filter") { store in
            "\(await store.delete(gone).deleted)"
        }
        #expect(Int(deleted) ?? 0 > 20)
        for _ in 0..<20 { try await ask(content.query(), &content) }
    }

    @Test("The largest of every field is stored, found and given back byte for byte")
    func largest() async throws {
        var content = RandomContent(seed: 9)
        let events = try RandomContent.largest()
        for event in events {
            let outcome = await expectSame("storing") { store in
                try await store.append([event]).map { "\($0.kind) \($0.receipt as Any)" }[0]
            }
            #expect(outcome.hasPrefix("stored"))
            let again = await expectSame("storing again") { store in
                try await store.append([event])[0].kind
            }
            #expect(again == "duplicate")
        }
        for event in events {
            let fields = event.withView { view in
                EventField.filterable.map { field in
                    (field, view[field].map { String(decoding: $0, as: UTF8.self) } ?? "")
                }
            }
            for (field, value) in fields {
                let escaped = value.replacing("\\", with: "\\\\")
                let start = String(value.unicodeScalars.prefix(100))
                    .replacing("\\", with: "\\\\")
                for filter in [escaped, start + "*", "!" + escaped] {
                    await expectSame("\(field.name)") { store in
                        try await store.page([("\(field.name)", filter)]).joined(separator: " ")
                    }
                }
                if field == .reason { try await ask([("reason", escaped)], &content) }
            }
            let id = event.withView { $0[.id].map(Array.init) ?? [] }
            let json = await expectSame("by id") { store in
                try await store.read { reader in
                    try id.withUnsafeBytes { try reader.get(id: $0) { rendered($0) } } ?? "none"
                }
            }
            #expect(json.utf8.count > 150_000)
        }
        for q in ["w9999é", "w100x", "w100*", "w1é w2é", "-w1x w5*"] {
            await expectSame(q) { try await $0.page([("q", q)]).joined(separator: " ") }
        }
    }

    @Test(
        "A free text of control characters alone is kept",
        arguments: ["\u{0}", "\u{1}", "\u{1}\u{1}", "\u{1}\u{2}", "\u{0}\u{1}"])
    func controls(text: String) async throws {
        let fields = [
            "title", "description", "object_kind", "object_namespace", "object_name", "cluster",
            "reason",
        ]
        for field in fields {
            try await logbook.repository.append([event(["id": field, field: text])])
        }
        for field in EventField.allCases where fields.contains("\(field.name)") {
            let filter = EventField.filterable.contains(field) ? [("\(field.name)", text)] : []
            let found = try await logbook.repository.page(filter, field)
            #expect(found.contains(text))
            if !filter.isEmpty { #expect(found == [text]) }
        }
    }
}
