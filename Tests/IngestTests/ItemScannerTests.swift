import Foundation
import TestSupport
import Testing

@testable import Ingest

@Suite("Finding the items of a text")
struct ItemScannerTests {
    /// The items of a text that comes in pieces of some bytes, as text; marks are in angle brackets.
    private func items(_ text: String, pieces: Int = .max, itemBytes: Int = 1000) -> [String] {
        places(text, pieces: pieces, itemBytes: itemBytes).map { item in
            switch item.content {
            case .json(let json): String(decoding: json, as: UTF8.self)
            case .tooLong: "<too long>"
            case .list: "<list>"
            case .cutOff: "<cut off>"
            }
        }
    }

    private func places(
        _ text: String, pieces: Int = .max, itemBytes: Int = 1000
    ) -> [ItemScanner.Item] {
        var scanner = ItemScanner(itemBytes: itemBytes)
        var found: [ItemScanner.Item] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            scanner.append(rest.prefix(pieces))
            rest = rest.dropFirst(pieces)
            while let item = scanner.next() { found.append(item) }
        }
        scanner.end()
        while let item = scanner.next() { found.append(item) }
        return found
    }

    private static let a = #"{"a":"[x],{\"\\","m":{"k":[{}, 1]}}"#
    private static let b = "{\"b\":\n  {\"c\": [\n    {\n      \"d\": null }\n  ]}\n}"

    private static let texts: [(text: String, items: [String])] = [
        ("", []), (" \n\t\r\n", []),
        ("\(a)\n\(b)\n", [a, b]), ("\(a)\(b)  \(a)", [a, b, a]), ("\(b)\r\n\r\n\(a)\r\n", [b, a]),
        // Arrays
        ("[]", []), ("[\(a),\n\(b)]", [a, b]), ("[\(a)][\(b)]\n\(a)", [a, b, a]),
        (#"[1,"x,]",null , [[2],3],{}]"#, ["1", #""x,]""#, "null", "[[2],3]", "{}"]),
        ("[\(a),,\(b)]", [a, "", b]), ("[\(a),]", [a, ""]), ("[\(a),\(b)", [a, b, "<cut off>"]),
        ("[\(a),", [a, "<cut off>"]), ("[", ["<cut off>"]), ("[\(a)]] x\n\(b)", [a, "] x", b]),
        // Lists
        (#"{"items":[\#(a),\#(b)],"kind":"List"}\#(a)"#, [a, b, "<list>", a]),
        (#"{"kind":"List","items" : [ ] }"#, ["<list>"]),
        (#"[{"items":[\#(a)]},{"items":[\#(b)]}]"#, [a, "<list>", b, "<list>"]),
        (#"{"items":[\#(a),{"items":[1]}]}"#, [a, #"{"items":[1]}"#, "<list>"]),
        (#"{"event_type":"x","items":[1]}"#, [#"{"event_type":"x","items":[1]}"#]),
        (#"{"items":null}"#, [#"{"items":null}"#]),
        (#"{"x":"items","y":[1]}"#, [#"{"x":"items","y":[1]}"#]),
        (#"{"x":{"items":[1]}}"#, [#"{"x":{"items":[1]}}"#]),
        (#"{"items":[\#(a)"#, [a, "<cut off>"]),
        (#"{"items":[\#(a)],"k"#, [a, "<list>", "<cut off>"]),
        // Neighbors of what is broken
        ("\(a)\nWarning: slow {\n\(b)", [a, "Warning: slow {", b]),
        ("{\"x\":\"open\n\(a)\n\(b)", ["{\"x\":\"open", a, b]),
        ("{\"x\":\n\(a)\n\(b)", ["{\"x\":", a, b]), ("{\"x\":1,\n\(a)\n", ["{\"x\":1,", a]),
        ("{\"x\":[\n7\n\(a)\n", ["{\"x\":[", "7", a]), ("{\"x\":1\n\(a)", ["{\"x\":1", a]),
        ("{\n{\n{\n", ["{", "{", "{"]),
        ("[{\"x\":1,\(a),{\"m\":{\"k\":1,\(b)]", ["{\"x\":1,", a, "{\"m\":{\"k\":1,", b]),
        ("[\(a), {\"id\":\"x, \n\(b),\n\(a)]", [a, "{\"id\":\"x,", b, a]),
        (
            "{\n  \"x\": \"open\n  \"y\": [\n    {\n}\n\(a)",
            ["{\n  \"x\": \"open", "\"y\": [", "{\n}", a]
        ),
        (
            "{\n  \"x\": [\n    {},\n{\n  \"y\": 1\n}\n{\n}\n",
            ["{\n  \"x\": [\n    {},", "{\n  \"y\": 1\n}", "{\n}"]
        ),
        ("\(a)\n{\"half\": [1", [a, "{\"half\": [1"]),
    ]

    @Test("Whatever the pieces, the items are the same", arguments: texts.indices, [1, 2, 7, .max])
    func items(_ index: Int, _ pieces: Int) {
        let (text, expected) = Self.texts[index]
        #expect(items(text, pieces: pieces) == expected, "\(text)")
    }

    @Test("An item that is too long is passed over", arguments: [1, 10, .max])
    func tooLong(_ pieces: Int) {
        let long = "{\"x\":[\"\(String(repeating: "{\\\"", count: 20))\"]}"
        #expect(
            items(
                "{}\n\(long)\n{}\n[\(long),7]\n{\"items\":[1,\(long)]}\n{}", pieces: pieces,
                itemBytes: 30)
                == ["{}", "<too long>", "{}", "<too long>", "7", "1", "<too long>", "<list>", "{}"])
        let line = String(repeating: "x", count: 40)
        #expect(items("\(line)\n{}", pieces: pieces, itemBytes: 30) == ["<too long>", "{}"])
        #expect(items("{\"\(line)\n{}", pieces: pieces, itemBytes: 30) == ["<too long>", "{}"])
    }

    @Test("An item knows its place")
    func place() {
        let found = places("\n{}\n[{},\n {}]\n{\"items\":[1,\n2]}\n[{\"items\":[{}]}]")
        #expect(found.map(\.line) == [1, 2, 3, 4, 5, 5, 6, 6])
        #expect(found.map(\.element) == [nil, 1, 2, nil, nil, nil, 1, 1])
        #expect(found.map(\.member) == [nil, nil, nil, 1, 2, 2, 1, 1])
        #expect(found.map(\.offset).prefix(4) == [1, 5, 10, 24])
        var scanner = ItemScanner(itemBytes: 100, line: 7)
        scanner.resumeArray(after: 3)
        scanner.append(Array(",\n{} ]".utf8))
        let item = scanner.next()
        #expect(item?.line == 8)
        #expect(item?.element == 4)
    }

    @Test("What is broken again and again is not read again and again, whatever the pieces")
    func bounded() {
        // Each line is the value of the one before: without a bound every one is read 600 times.
        let text = String(repeating: "{\"a\":\n", count: 100_000)
        let found = items(text, itemBytes: 1 << 20)
        #expect(found.count > 100)
        #expect(items(text, pieces: 4096, itemBytes: 1 << 20) == found)
    }
}
