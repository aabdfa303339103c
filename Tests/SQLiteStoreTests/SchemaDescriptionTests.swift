import Events
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("SchemaDescription")
struct SchemaDescriptionTests {
    private static let fields = [
        "id", "event_type", "severity", "title", "object_kind", "object_namespace", "object_name",
        "cluster", "reason", "occurrences", "fold_key", "received_at", "created_at", "description",
        "metadata",
    ]

    private static func column(
        _ name: String, _ type: String = "TEXT", notNull: Bool = false, key: Bool = false
    ) -> SchemaDescription.Column {
        SchemaDescription.Column(name: name, type: type, isNotNull: notNull, isPrimaryKey: key)
    }

    private static func index(
        _ name: String, _ columns: [String], unique: Bool = false
    ) -> SchemaDescription.Index {
        SchemaDescription.Index(name: name, isUnique: unique, columns: columns)
    }

    @Test("The latest version: its tables, columns and indexes, without SQLite's own")
    func latest() throws {
        let store = try TestStore()
        let schema = try store.repository.makeReader().describeSchema()
        #expect(schema.engine.last == EngineMember("journal_mode", .text("wal")))
        #expect(
            schema.migrations == [
                .init(
                    version: 1, appliedAt: testMoment.text,
                    description: "Initial schema with events table"),
                .init(
                    version: 2, appliedAt: testMoment.text,
                    description: Migration.all[1].description),
            ])
        #expect(
            schema.tables.map(\.name) == [
                "events", "retention", "schema_version", "search", "search_state", "search_words",
                "series", "sources", "store_state",
            ])
        let events = try #require(schema.tables.first)
        let required = [
            "id", "event_type", "severity", "title", "occurrences", "received_at", "created_at",
        ]
        let integers = ["occurrences", "fold_key", "received_at"]
        #expect(
            events.columns == [Self.column("seq", "INTEGER", key: true)]
                + Self.fields.map {
                    Self.column(
                        $0, integers.contains($0) ? "INTEGER" : "TEXT",
                        notNull: required.contains($0))
                })
        let isUnique = Dictionary(
            uniqueKeysWithValues: events.indexes.map { ($0.name, $0.isUnique) })
        #expect(isUnique.filter(\.value).map(\.key) == ["idx_events_id"])
        #expect(events.indexes.map(\.name) == events.indexes.map(\.name).sorted())
        #expect(
            schema.tables[2].columns == [
                Self.column("version", "INTEGER", key: true),
                Self.column("applied_at", notNull: true), Self.column("description"),
            ])
        #expect(schema.tables[2].indexes == [])
    }

    @Test("Version 1, as the other program left it")
    func version1() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("events.db")
        try makeVersion1(path)
        let schema = try SchemaDescription(Connection(path, .readOnly))
        #expect(schema.engine.last == EngineMember("journal_mode", .text("delete")))
        #expect(schema.migrations.map(\.version) == [1])
        #expect(
            schema.tables[0].indexes == [
                Self.index("idx_events_created", ["created_at"]),
                Self.index(
                    "idx_events_object", ["object_kind", "object_namespace", "object_name"]),
                Self.index("idx_events_severity", ["severity"]),
                Self.index("idx_events_type", ["event_type"]),
                Self.index("sqlite_autoindex_events_1", ["id"], unique: true),
            ])
    }

    @Test("Tables of other programs are shown, however they are named")
    func foreign() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("events.db")
        try makeLatest(path)
        let connection = try Connection(path, .readWrite)
        try connection.execute(
            #"""
            CREATE TABLE "it's a ""name""" ("a b", c DECIMAL(1,2) NOT NULL);
            CREATE INDEX "on lower" ON "it's a ""name""" (lower("a b"), c);
            CREATE TABLE sqliteX (x); CREATE VIEW v AS SELECT 1;
            INSERT INTO schema_version VALUES (9, 'today', NULL)
            """#)
        let schema = try SchemaDescription(connection)
        #expect(
            schema.tables.map(\.name)
                == [
                    "events", #"it's a "name""#, "retention", "schema_version", "search",
                    "search_state", "search_words", "series", "sources", "sqliteX", "store_state",
                ])
        #expect(
            schema.tables[1].columns
                == [Self.column("a b", ""), Self.column("c", "DECIMAL(1,2)", notNull: true)])
        #expect(schema.tables[1].indexes == [Self.index("on lower", ["", "c"])])
        #expect(
            schema.migrations.last == .init(version: 9, appliedAt: "today", description: nil))
    }
}
