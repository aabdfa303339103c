import Testing

@testable import Events

@Suite("StatisticsField")
struct StatisticsFieldTests {
    @Test(
        "An object is kind, namespace and name as one, and no two are the same",
        arguments: [
            (["Pod", "shop", "web-0"], "Pod/shop/web-0"),
            (["Node", nil, "node-3"], "Node//node-3"),
            ([nil, nil, nil], nil), (["", nil, nil], "//"), (["a/b", "c", nil], #"a\/b/c/"#),
            (["a", "b/c", nil], #"a/b\/c/"#), ([#"a\"#, "b", nil], #"a\\/b/"#),
        ] as [([String?], String?)])
    func object(parts: [String?], text: String?) {
        let bytes = parts.map { $0.map { Array($0.utf8) } }
        let buffers = bytes.map { part in
            part.map { part in
                let copy = UnsafeMutableRawBufferPointer.allocate(
                    byteCount: part.count, alignment: 1)
                copy.copyBytes(from: part)
                return UnsafeRawBufferPointer(copy)
            }
        }
        defer { for buffer in buffers { buffer?.deallocate() } }
        let part = { (place: Int) in buffers[place] }
        let found = StatisticsField.object.withValue(of: part) { value in
            value.map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(found == text)
    }

    @Test("Names are those of the filters, and object")
    func names() {
        #expect(
            StatisticsField.all.map(\.name) == [
                "event_type", "severity", "object_kind", "object_namespace", "object_name",
                "cluster", "reason", "object",
            ])
    }
}
