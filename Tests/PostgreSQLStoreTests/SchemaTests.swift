import EventStore
import Events
import PostgreSQL
import TestSupport
import Testing

@Suite("The schema in PostgreSQL")
struct SchemaTests {
    private let server: PostgreSQLServer
    private let database: String
    private var url: String { server.url(database) }

    init() throws {
        server = try PostgreSQLServer.shared.get()
        database = try server.makeDatabase()
    }

    /// Everything that a Logbook could have changed.
    private func contents() throws -> String {
        try server.query(
            """
            SELECT c.relname, c.relkind, c.xmin, a.attname, a.xmin FROM pg_class c
            LEFT JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
            ORDER BY 1, 4
            """, database: database)
    }

    private func refusal(_ url: String) throws -> String {
        let logbook = try Logbook(url, opens: false)
        let error = #expect(throws: SchemaError.self) { try logbook.repository.open() }
        #expect(logbook.repository.schemaState.status == .failed)
        return error?.message ?? ""
    }

    @Test("Of many that start on an empty database, one makes the tables")
    func starters() async throws {
        try await withThrowingTaskGroup { group in
            for number in 0..<8 {
                let logbook = try Logbook(url, opens: false)
                group.addTask {
                    try logbook.repository.open()
                    let outcome = try await logbook.repository.append([event(["id": "e\(number)"])])
                    #expect(outcome[0].kind == "stored")
                }
            }
            try await group.waitForAll()
        }
        let versions = try server.query("SELECT count(*) FROM schema_version", database: database)
        #expect(versions == "1")
        let seqs = try server.query(
            "SELECT string_agg(seq::text, ' ' ORDER BY seq) FROM events", database: database)
        #expect(seqs == "1 2 3 4 5 6 7 8")
    }

    @Test(
        "What is not this program's is refused, and left as it is",
        arguments: [
            (
                "UPDATE schema_version SET version = 3",
                "has schema version 3, and this program knows versions up to 2; the database was left as it is. Run a newer logbook."
            ),
            ("ALTER TABLE events ALTER occurrences TYPE int", "The columns of events in"),
            ("ALTER TABLE events ADD more text", "The columns of events in"),
            ("DROP TABLE leases", "The columns of leases in"),
            ("DELETE FROM schema_version", "has schema version 0, which is not Logbook's"),
            (
                "DROP INDEX idx_events_type",
                "has no index idx_events_type as schema version 2 has it; it was left as it is. Run CREATE INDEX idx_events_type ON events USING btree (event_type, created_at, seq)."
            ),
            (
                "DROP INDEX idx_events_id; CREATE INDEX idx_events_id ON events (id)",
                "Run CREATE UNIQUE INDEX idx_events_id ON events USING btree (id)."
            ),
            (
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_events_words'::regclass",
                "has no index idx_events_words"
            ),
            ("ALTER TABLE sources DROP CONSTRAINT sources_pkey", "has no index sources_pkey"),
            (
                "DROP FUNCTION logbook_append",
                "has no function logbook_append as schema version 2 has it; it was left as it is. Take it from a new database: pg_dump --schema-only."
            ),
            (
                "UPDATE pg_proc SET prosrc = prosrc || ' ' WHERE proname = 'logbook_append'",
                "has no function logbook_append"
            ),
        ])
    func changed(sql: String, text: String) throws {
        try withExtendedLifetime(Logbook(url)) {}
        _ = try server.query(sql, database: database)
        let before = try contents()
        #expect(try refusal(url).contains(text))
        #expect(try contents() == before)
    }

    @Test("Further indexes, and their settings, are the operator's")
    func more() throws {
        try withExtendedLifetime(Logbook(url)) {}
        _ = try server.query(
            """
            CREATE INDEX more ON events (title);
            ALTER INDEX idx_events_words SET (fastupdate = off);
            ALTER INDEX events_pkey SET (fillfactor = 70)
            """, database: database)
        try withExtendedLifetime(Logbook(url)) {}
    }

    @Test(
        "Another program's tables are left as they are",
        arguments: [
            ("CREATE TABLE events (id int)", "has a table events that is not Logbook's"),
            ("CREATE VIEW events AS SELECT 1 AS id", "has a table events that is not Logbook's"),
            ("CREATE TABLE series ()", "has something that is not Logbook's (relation \"series\""),
            ("CREATE SEQUENCE idx_events_id", "has something that is not Logbook's"),
            (
                "CREATE TABLE schema_version (version int)",
                "has a table schema_version that is not ours (columns version integer)"
            ),
        ])
    func foreign(sql: String, text: String) throws {
        _ = try server.query(sql, database: database)
        let before = try contents()
        let refusal = try refusal(url)
        #expect(refusal.contains(text))
        #expect(refusal.contains("?options=-csearch_path%3DNAME"))
        #expect(try contents() == before)
    }

    @Test("A user who may not make tables is told what to do")
    func rights() throws {
        let user = "reader_\(database)"
        _ = try server.query(
            "CREATE ROLE \(user) LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            database: database)
        let before = try contents()
        let text = try refusal(url.replacing("logbook@", with: "\(user)@"))
        #expect(text.contains("GRANT CREATE ON SCHEMA"))
        #expect(try contents() == before)
    }

    @Test("A schema that does not exist, and a database in another encoding")
    func missing() throws {
        #expect(try refusal(url + "&options=-csearch_path%3Dnone").contains("CREATE SCHEMA"))
        _ = try server.query(
            "CREATE DATABASE \(database)_sql ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        )
        let text = try refusal(server.url(database + "_sql"))
        #expect(
            text.contains("the database's encoding is SQL_ASCII; create one with ENCODING 'UTF8'"))
    }

    @Test("Logbooks of two schemas do not disturb each other")
    func twoSchemas() async throws {
        _ = try server.query("CREATE SCHEMA x; CREATE SCHEMA y", database: database)
        let urls = ["", "&options=-csearch_path%3Dx", "&options=-csearch_path%3Dy"].map { url + $0 }
        let logbooks = try urls.map { try Logbook($0) }
        try await withThrowingTaskGroup { group in
            for (place, logbook) in logbooks.enumerated() {
                group.addTask {
                    for number in 0..<20 {
                        let outcomes = try await logbook.repository.append([
                            event(["id": "e\(number)", "title": "Of \(place)"]),
                            event([
                                "id": "k8s:core:u:\(number)", "metadata": ["count": number + place],
                            ]),
                        ])
                        #expect(outcomes.map(\.kind) == ["stored", "stored"])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await logbooks[1].repository.delete("e3"))
        for (place, logbook) in logbooks.enumerated() {
            let titles = try await logbook.repository.page(
                [("limit", "1000"), ("q", "of")], .title)
            #expect(titles == Array(repeating: "Of \(place)", count: place == 1 ? 19 : 20))
            #expect(logbook.repository.commits.lastSeq == 40)
            let schema = try await logbook.repository.read { try $0.describeSchema() }
            #expect(schema.tables.count == 7)
        }
        // Each has a leader of its own.
        #expect(await becomesTrue { logbooks.allSatisfy { $0.repository.leadership.isHeld } })
    }
}
