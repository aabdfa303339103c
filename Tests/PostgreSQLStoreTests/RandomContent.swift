import Events
import Foundation
import TestSupport

/// Random events and queries that are hostile to SQL, text search and encodings.
struct RandomContent {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    private static let hostile: [String] = [
        "a", "A", "ab", "a'b", "'", "''", "\\", "\\'", "a\\b\"c", "\u{0}", "\u{1}", "a\u{0}b",
        "a\u{1}b", "a\u{1}", "\u{1}\u{2}", "é", "e\u{301}", "İstanbul", "ß", ":*", "&|!()<->",
        "%_", "$1", "a/b", "a\\/b", "/a", "a/", " ", "", "a,b", "!a", "a*", "x\n\ty", "web-1",
        String(repeating: "𝄞", count: EventRules.nameCharacters),
        String(repeating: "\u{1}", count: EventRules.nameCharacters),
        String(repeating: "あ", count: 30),
    ]
    /// Words that search cuts in the middle of a character, and short ones.
    private static let words: [String] = [
        "fish", "bird", "NodeReady", "web-7", "10.0.0.1", "x'y", "o\\k", "naïve", "ÀÉ",
        String(repeating: "あ", count: 30), "a" + String(repeating: "é", count: 40),
        "ab" + String(repeating: "あ", count: 21) + "end", String(repeating: "𝔘", count: 17),
    ]

    private mutating func isOneOf(_ count: Int) -> Bool {
        Int.random(in: 0..<count, using: &random) == 0
    }

    private mutating func name() -> String? {
        isOneOf(5) ? nil : Self.hostile[Int.random(in: 0..<Self.hostile.count, using: &random)]
    }

    private mutating func text() -> String {
        (0...Int.random(in: 0...4, using: &random)).map { _ in
            isOneOf(4)
                ? Self.hostile.randomElement(using: &random)!
                : Self.words.randomElement(using: &random)!
        }.joined(separator: isOneOf(3) ? " and " : " ")
    }

    private mutating func time() -> String {
        let second = Int64.random(in: 0..<40, using: &random) * 977
        return Timestamp(milliseconds: testMoment.milliseconds - second * 1000)!.text
    }

    private mutating func metadata() -> Any? {
        let value: [Any] = [
            Self.hostile.randomElement(using: &random)!, 1.5, 3, true, NSNull(), ["a"],
            Self.words.randomElement(using: &random)!,
        ]
        let one = value.randomElement(using: &random)!
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return nil
        case 1: return ["zone": one]
        case 2: return ["a": ["b.c": one, "o'k": text()], "zone": text()] as [String: Any]
        default: return ["a": ["b": ["c": one]], "\\": one] as [String: Any]
        }
    }

    /// The fields of an event; `number` makes its id unique, but for some.
    mutating func event(_ number: Int) throws -> Event {
        let moment = Timestamp(milliseconds: testMoment.milliseconds + Int64(number))!
        var fields: [String: Any] = [
            "id": "e\(isOneOf(12) ? number / 2 : number)",
            "event_type": ["cluster", "cluster.node", "x_y"].randomElement(using: &random)!,
            "severity": Severity.allCases.randomElement(using: &random)!.rawValue,
            "title": String((text() + "t").prefix(EventRules.titleCharacters)),
            "created_at": time(), "received_at": moment.text,
            "occurrences": Int.random(in: 0...9, using: &random),
        ]
        for field in [EventField.objectKind, .objectNamespace, .objectName, .cluster, .reason] {
            if let name = name() { fields["\(field.name)"] = name }
        }
        if isOneOf(3) { fields["description"] = text() }
        if let metadata = metadata() { fields["metadata"] = metadata }
        if isOneOf(4) {
            fields["id"] =
                "k8s:core:u\(Int.random(in: 0..<12, using: &random)):\(isOneOf(6) ? 7 : number)"
            fields["metadata"] = ["count": Int.random(in: 1...20, using: &random)]
            if isOneOf(3) { fields["title"] = "The same" }
        }
        return try TestSupport.event(fields, keepsReceivedAt: true)
    }

    /// Events with the largest value of each field, in several alphabets.
    static func largest() throws -> [Event] {
        try ["𝄞", "\u{0}", "\u{1}", "'", "\\", "あ"].enumerated().map { place, character in
            let name = String(repeating: character, count: EventRules.nameCharacters)
            let bytes = EventRules.descriptionBytes / character.utf8.count
            // In JSON, a control character takes six bytes.
            let length = place == 1 || place == 2 ? 80_000 : 150_000
            let words = (0..<26_000).map { "w\($0)\(place % 2 == 0 ? "x" : "é")" }
            return try TestSupport.event(
                [
                    "id": "L\(place)" + String(repeating: "i", count: 126),
                    "event_type": "t" + String(repeating: "_", count: 63),
                    "title": String(repeating: character, count: EventRules.titleCharacters),
                    "description": place < 3
                        ? String(repeating: character, count: bytes)
                        : words.joined(separator: " ").prefix(55_000).description,
                    "object_kind": name, "object_namespace": name, "object_name": name,
                    "cluster": name, "reason": name, "created_at": testMoment.text,
                    "received_at": testMoment.text, "occurrences": Int(Int32.max),
                    "metadata": [
                        "k": words.joined(separator: character).prefix(length).description
                    ],
                ], keepsReceivedAt: true)
        }
    }

    // MARK: Queries

    /// The parameters of a query, which may be none that is allowed.
    mutating func query() -> [(String, String)] {
        var parameters: [(String, String)] = []
        for field in [EventField.objectKind, .objectNamespace, .objectName, .cluster, .reason]
        where isOneOf(4) {
            parameters.append(("\(field.name)", values()))
        }
        if isOneOf(5) { parameters.append(("event_type", "cluster*")) }
        if isOneOf(4) { parameters.append(("severity", isOneOf(2) ? "error,info" : "!warning")) }
        if isOneOf(6) { parameters.append(("severity_min", "error")) }
        if isOneOf(4) { parameters.append(("since", time())) }
        if isOneOf(4) { parameters.append(("until", time())) }
        if isOneOf(4) {
            let path = ["zone", "a.b.c", "a.o'k", "\\", "count"].randomElement(using: &random)!
            for _ in 0...Int.random(in: 0...1, using: &random) {
                let value =
                    isOneOf(2)
                    ? ["1.5", "3", "true", "null", "7"].randomElement(using: &random)!
                    : (isOneOf(2) ? Self.hostile : Self.words).randomElement(using: &random)!
                parameters.append(("metadata." + path, value))
            }
        }
        if isOneOf(3) { parameters.append(("q", search())) }
        return parameters
    }

    private mutating func values() -> String {
        (0...Int.random(in: 0...2, using: &random)).map { _ in
            let value = Array(Self.hostile.randomElement(using: &random)!.unicodeScalars)
            let isPrefix = isOneOf(3)
            var text = isOneOf(3) ? "!" : ""
            let count = isPrefix ? Int.random(in: 0...value.count, using: &random) : value.count
            for scalar in value.prefix(count) {
                if ["\\", ",", "!", "*"].contains(scalar) { text += "\\" }
                text.unicodeScalars.append(scalar)
            }
            return text + (isPrefix ? "*" : "")
        }.joined(separator: ",")
    }

    private mutating func search() -> String {
        (0...Int.random(in: 0...1, using: &random)).map { _ in
            let word = Self.words.randomElement(using: &random)!
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                let scalars = word.unicodeScalars
                let count = Int.random(in: 2...max(2, scalars.count), using: &random)
                return String(String.UnicodeScalarView(scalars.prefix(count))) + "*"
            case 1: return "\"\(word) \(Self.words.randomElement(using: &random)!)\""
            case 2: return word.uppercased()
            case 3: return "-" + word
            default: return word
            }
        }.joined(separator: " ")
    }

    /// One of several.
    mutating func choice<Value>(_ values: [Value]) -> Value {
        values.randomElement(using: &random)!
    }
}
