import Foundation
import Testing

@testable import Ingest

@Suite("The documents of formats")
struct DocumentationTests {
    @Test("docs/api.md prints the table of severities as it is")
    func severities() throws {
        let file = testData("").deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "docs/api.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(text.contains(KubernetesSeverity.table))
    }
}
