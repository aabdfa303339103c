import Foundation
import Testing

@Suite("What the service tells of its schema")
struct SchemaTests {
    private struct Schema: Decodable {
        struct Migration: Decodable, Equatable {
            let version: Int
            let applied_at: String
            let description: String
        }
        struct Table: Decodable {
            struct Column: Decodable {
                let name: String
            }
            struct Index: Decodable {
                let name: String
                let columns: [String]
            }
            let name: String
            let columns: [Column]
            let indexes: [Index]
        }
        let version: Int
        let latest: Int
        let status: String
        let migrations: [Migration]
        let tables: [Table]
        let sqlite_version: String
        let journal_mode: String
        let durability: String
        let database_bytes: Int
        let wal_bytes: Int
    }

    private struct Migrations: Decodable {
        let migrations: [Schema.Migration]
    }

    @Test("/schema/version, /schema/migrations and /schema say what the file says")
    func agreement() throws {
        let server = try LogbookProcess()
        try server.post(NewEvent().json)
        let version = try server.exchange("GET", "/schema/version").text
        #expect(
            version.trimmingCharacters(in: .newlines)
                == #"{"version":2,"latest":2,"status":"ready"}"#)

        let schema = try server.exchange("GET", "/schema").decode(Schema.self)
        #expect(schema.version == 2 && schema.latest == 2 && schema.status == "ready")
        #expect(schema.journal_mode == "wal")
        #expect(schema.durability == "full")
        #expect(schema.database_bytes > 0 && schema.database_bytes % 4_096 == 0)
        #expect(schema.wal_bytes >= 0)
        #expect(schema.sqlite_version.wholeMatch(of: /3\.\d+\.\d+/) != nil)
        let listed = try server.exchange("GET", "/schema/migrations").decode(Migrations.self)
        #expect(listed.migrations == schema.migrations)

        let columns = ["seq"] + StoredEvent.fieldNames.filter { $0 != "seq" }
        let events = try #require(schema.tables.first { $0.name == "events" })
        #expect(events.columns.map(\.name).filter(columns.contains).sorted() == columns.sorted())
        for (name, leading) in [
            ("type", ["event_type"]), ("severity", ["severity"]), ("created", ["created_at"]),
            ("object", ["object_kind", "object_namespace", "object_name"]),
        ] {
            let index = events.indexes.first { $0.name == "idx_events_\(name)" }
            #expect(index?.columns.starts(with: leading) == true, "\(name)")
        }
        #expect(schema.tables.contains { $0.name == "schema_version" })

        try server.stop()
        let rows = try Command.sqlite(
            server.database,
            "SELECT version, applied_at, description FROM schema_version ORDER BY 1")
        #expect(
            rows == schema.migrations.map { "\($0.version)|\($0.applied_at)|\($0.description)" })
        let time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/
        #expect(schema.migrations.allSatisfy { $0.applied_at.wholeMatch(of: time) != nil })
        #expect(schema.migrations.first?.description == "Initial schema with events table")
    }
}
