import Events
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("Events with many words")
struct SearchDocumentTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("events.db")
        try makeLatest(path)
    }

    /// `count` distinct words.
    private static func words(_ count: Int, _ prefix: String = "w") -> String {
        (0..<count).map { "\(prefix)\(10_000 + $0)" }.joined(separator: " ")
    }

    private static func document(_ description: String) throws -> (words: [String], tokens: Int) {
        let event = try event(["title": "-", "description": description])
        let document = SearchDocument()
        event.withView { document.make($0) }
        let tokens = String(decoding: document.text, as: UTF8.self).split(separator: " ")
        #expect(tokens.count == document.tokens)
        return (tokens.filter { !$0.hasPrefix(".") }.map(String.init), tokens.count)
    }

    /// The tokens of the type, the severity, and both.
    private static let filterTokens = 3

    @Test("At its bound an event has all its words, beyond it the first and a mark")
    func bound() throws {
        let most = SearchDocument.mostWords
        #expect(most == 3072)
        let whole = try Self.document(Self.words(most))
        #expect(whole.words.count == most)
        #expect(whole.tokens == most + Self.filterTokens)
        let cut = try Self.document(Self.words(most + 1))
        #expect(cut.words == whole.words)
        #expect(cut.tokens == most + Self.filterTokens + 1)
        // A repeated word adds nothing.
        let twice = try Self.document(Self.words(most) + " " + Self.words(most))
        #expect(twice.tokens == whole.tokens)
    }

    @Test("Parts of words, and words with the number after them, count once each")
    func partsAndPairs() throws {
        let text = "AaBbCcDd-1 AaBbCcDd-1"
        // The word, its four parts, the number, and each of the five with the number.
        #expect(try Self.document(text).tokens == 11 + Self.filterTokens)
        let many = (0..<2000).map { "AaBbCcDdEeFfGgHh\($0)Xx-\($0)" }
        #expect(
            try Self.document(many.joined(separator: " ")).tokens
                == SearchDocument.mostWords + Self.filterTokens + 1)
    }

    /// Inserts an event whose last words are beyond the limit.
    private func insert(_ connection: Connection, id: String, last: String) throws {
        let insert = try connection.prepare(
            """
            INSERT INTO events (received_at, id, event_type, severity, title, description, object_kind, metadata, created_at)
            VALUES (0, ?, 'cluster', 'info', 'first', ?, 'Pod', ?, '\(testMoment.text)')
            """)
        try insert.bind(1, id)
        try insert.bind(2, Self.words(SearchDocument.mostWords) + " " + last)
        try insert.bind(3, "{\"key\":\"\(last)\"}")
        try insert.run()
    }

    private static func seqs(
        _ reader: SQLiteReader, _ parameters: [(String, String)]
    ) throws -> [Int64] {
        var seqs: [Int64] = []
        try reader.page(query(parameters), budget: .seconds(60)) { view in
            seqs.append(view.seq)
            return true
        }
        return seqs
    }

    @Test("A marked event is found by each of its words and no others, and is deleted completely")
    func found() throws {
        let connection = try Connection(path, .readWrite)
        try insert(connection, id: "a", last: "nginx-7 LateWord")
        try insert(connection, id: "b", last: "apache")
        let search = try SearchIndex(connection)
        try connection.transaction { () throws(SQLiteError) in
            try index(connection, search, first: 2)
        }
        search.noteCommit()
        #expect(try connection.integer("SELECT count(*) FROM search('nginx')") == 0)
        #expect(try connection.integer("SELECT count(*) FROM search('\".cut\"')") == 2)
        let reader = try makeReader(path)
        for q in ["nginx", "nginx-7", "lateword", "late", "\"7 LateWord\"", "first late", "ngi*"] {
            #expect(try Self.seqs(reader, [("q", q)]) == [1], "\(q)")
            #expect(try Self.seqs(reader, [("q", q), ("object_kind", "Pod")]) == [1], "\(q)")
            #expect(try Self.seqs(reader, [("q", q), ("object_kind", "Node")]) == [], "\(q)")
        }
        #expect(try Self.seqs(reader, [("metadata.key", "apache")]) == [2])
        #expect(try Self.seqs(reader, [("q", "w10000 -apache")]) == [1])
        #expect(try Self.seqs(reader, [("q", "absent")]) == [])
        let statements = try EventStatements(connection, search)
        try connection.transaction { () throws(SQLiteError) in
            #expect(try statements.delete([1, 2]).deleted == 2)
        }
        #expect(try connection.integer("SELECT count(*) FROM search('\".cut\"')") == 0)
        #expect(try connection.integer("SELECT count(*) FROM search('w10000')") == 0)
    }
}
