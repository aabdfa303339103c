import Foundation
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("docs/schema.md")
struct SchemaDocumentTests {
    @Test("Has the DDL of the latest version as the program makes it")
    func ddl() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("events.db")
        try makeLatest(path)
        let made = try rows(
            path,
            """
            SELECT sql || ';' FROM sqlite_master
            WHERE sql IS NOT NULL AND name NOT IN ('search_data', 'search_idx', 'search_config')
            """)
        let repository = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let document = try String(
            contentsOf: repository.appending(path: "docs/schema.md"), encoding: .utf8)
        var documented: [String] = []
        for block in document.components(separatedBy: "```sql\n").dropFirst() {
            let sql = block.components(separatedBy: "```")[0]
            documented += sql.components(separatedBy: ";\n").dropLast().map { $0 + ";" }
        }
        #expect(documented.sorted() == made.sorted())
    }
}
