import Testing

@testable import Events

@Suite("Metadata that goes out")
struct StorableMetadataTests {
    /// The stored value, and its form in answers.
    private static let cases: [(stored: String, sent: String)] = [
        ("{}", "{}"), (" {\"a\" : [1, 2]}\t", " {\"a\" : [1, 2]}\t"),
        ("{\n}\n", "{}"), ("{\"a\":1}\r", #"{"a":1}"#),
        ("{\"a\":\"\n\"}", #"{"unparsed":"{\"a\":\"\n\"}"}"#),
        (#"{"a":1},"seq":9"#, #"{"unparsed":"{\"a\":1},\"seq\":9"}"#),
        ("{}\n\nid: 7\ndata: {}\n\n", #"{"unparsed":"{}\n\nid: 7\ndata: {}\n\n"}"#),
        ("", #"{"unparsed":""}"#), ("null", #"{"unparsed":"null"}"#),
        ("{}\0", #"{"unparsed":"{}\u0000"}"#),
    ]

    private func event(_ metadata: [UInt8], _ body: (EventView) -> Void) {
        metadata.withUnsafeBytes {
            var view = EventView(seq: 1)
            view[.metadata] = $0
            body(view)
        }
    }

    @Test("It is a JSON object on one line, whatever the file has")
    func json() {
        for (stored, sent) in Self.cases {
            event(Array(stored.utf8)) { view in
                var output: [UInt8] = []
                view.append(.metadata, to: &output)
                #expect(String(decoding: output, as: UTF8.self) == sent)
            }
        }
    }

    @Test("CSV has the same, and no bytes that are not UTF-8")
    func csv() {
        event(Array("{\n\"a\":1}".utf8)) { view in
            var view = view
            [0x80, 0x61].withUnsafeBytes { title in
                view[.title] = UnsafeRawBufferPointer(rebasing: title[..<1])
                var output: [UInt8] = []
                CSV.append(view, to: &output)
                let line = String(decoding: output, as: UTF8.self)
                #expect(line.contains(#""{""a"":1}""#) && !line.dropLast().contains("\n"))
                #expect(
                    String(validating: output, as: UTF8.self) != nil && line.contains("\u{FFFD}"))
            }
        }
    }
}
