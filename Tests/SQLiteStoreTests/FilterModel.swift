import Events
import SQLite
import TestSupport

@testable import EventStore
@testable import SQLiteStore

/// An event in the model of filters.
struct ModelEvent {
    let seq: Int64
    let createdAt: String
    let fields: [EventField: String]
    let title: String
    /// The value at each path that leads to no container: a string's text, anything else as
    /// written.
    let metadata: [String: String]
}

/// A query and its meaning, derived from the same choices rather than from the parameters.
struct ModelQuery {
    var parameters: [(String, String)] = []
    var conditions: [(ModelEvent) -> Bool] = []

    func admits(_ event: ModelEvent) -> Bool { conditions.allSatisfy { $0(event) } }
}

/// Random events, in a table and here, and random queries of them.
struct FilterModel {
    private(set) var events: [ModelEvent] = []

    private static let pools: [(field: EventField, values: [String?])] = [
        (.eventType, ["cluster", "cluster.node", "operator", "system", "x_y"]),
        (.severity, ["info", "info", "info", "warning", "error", "critical"]),
        (.objectKind, ["Pod", "Pod", "PodGroup", "Node", "node", nil]),
        (.objectNamespace, ["default", "kube-system", "kube-public", "a,b", "!a", "", nil]),
        (
            .objectName,
            ["a", "ab", "é", "e\u{301}", "a*", "\\", "web-1", "web-2", "a/b", "a_b", nil]
        ),
        (.cluster, ["eu-1", "eu-2", "us,1", nil]),
        (.reason, ["BackOff", "Backup", "Killing", "!x", nil]),
    ]
    private static let words = ["fish", "bird", "back-off", "NodeReady"]

    /// Fills the table at `path`.
    ///
    /// - Parameters:
    ///   - indexed: the number of them in the search index.
    ///   - seed: the seed of all choices.
    init(filling path: String, count: Int, indexed: Int = 0, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let connection = try Connection(path, .readWrite)
        let names = EventField.filterable.map { String(describing: $0.name) }
        let insert = try connection.prepare(
            """
            INSERT INTO events (received_at, id, title, created_at, metadata, \(names.joined(separator: ", ")))
            VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        try connection.transaction { () throws(SQLiteError) in
            for seq in Int64(1)...Int64(count) {
                let (event, metadata) = Self.event(seq, &random)
                try insert.bind(1, "id-\(seq)")
                try insert.bind(2, event.title)
                try insert.bind(3, event.createdAt)
                try insert.bind(4, metadata)
                for (place, field) in EventField.filterable.enumerated() {
                    try insert.bind(Int32(place + 5), event.fields[field])
                }
                try insert.run()
                events.append(event)
            }
        }
        guard indexed > 0 else { return }
        try connection.transaction { () throws(SQLiteError) in
            try index(connection, first: indexed)
        }
    }

    private static func event(
        _ seq: Int64, _ random: inout SeededGenerator
    ) -> (ModelEvent, metadata: String?) {
        var fields: [EventField: String] = [:]
        for pool in pools { fields[pool.field] = pool.values.randomElement(using: &random)! }
        let (metadata, paths) = metadata(&random)
        let title = words.filter { _ in Bool.random(using: &random) }.joined(separator: " and ")
        let event = ModelEvent(
            seq: seq, createdAt: PageModel.time(Int.random(in: 0..<30, using: &random)),
            fields: fields, title: title, metadata: paths)
        return (event, metadata)
    }

    /// Metadata as JSON, and the values at its paths.
    private static func metadata(
        _ random: inout SeededGenerator
    ) -> (json: String?, paths: [String: String]) {
        let zones = [("\"eu-1a\"", "eu-1a"), ("\"eu-1\\u0061\"", "eu-1a"), ("\"1.10\"", "1.10")]
        let numbers = [("1.10", "1.10"), ("1.1", "1.1"), ("true", "true"), ("null", "null")]
        let zone = zones.randomElement(using: &random)!
        let number = numbers.randomElement(using: &random)!
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return (nil, [:])
        case 1: return ("{\"zone\":\(zone.0),\"list\":[\(number.0)]}", ["zone": zone.1])
        case 2:
            return (
                "{\"a\":{\"b.c\":\(number.0),\"z\\u006fne\":\(zone.0)},\"zone\":{}}",
                ["a.b.c": number.1, "a.zone": zone.1]
            )
        default:
            return (
                "{\"a\":{\"b\":{\"c\":\(number.0)}},\"a.zone\":\(zone.0)}",
                ["a.b.c": number.1, "a.zone": zone.1]
            )
        }
    }

    /// The seqs that `query` must return, in page order.
    func seqs(_ query: ModelQuery, ascending: Bool) -> [Int64] {
        let sorted = events.filter(query.admits).sorted {
            ($0.createdAt, $0.seq) < ($1.createdAt, $1.seq)
        }
        return (ascending ? sorted : sorted.reversed()).map(\.seq)
    }

    /// The model without these events.
    func without(_ seqs: [Int64]) -> FilterModel {
        let gone = Set(seqs)
        var model = self
        model.events.removeAll { gone.contains($0.seq) }
        return model
    }

    // MARK: Queries

    /// A query with any filters.
    static func query(_ random: inout SeededGenerator) -> ModelQuery {
        var query = ModelQuery()
        for pool in pools where Int.random(in: 0..<3, using: &random) == 0 {
            addFilter(pool.field, pool.values, to: &query, &random)
        }
        if Int.random(in: 0..<5, using: &random) == 0 {
            let severities = ["info", "warning", "error", "critical"]
            let least = Int.random(in: 0..<4, using: &random)
            query.parameters.append(("severity_min", severities[least]))
            query.conditions.append { severities[least...].contains($0.fields[.severity]!) }
        }
        addTimes(to: &query, &random)
        if Int.random(in: 0..<4, using: &random) == 0 { addMetadata(to: &query, &random) }
        if Int.random(in: 0..<5, using: &random) == 0 { addText(to: &query, &random) }
        query.parameters.shuffle(using: &random)
        return query
    }

    private static func addTimes(to query: inout ModelQuery, _ random: inout SeededGenerator) {
        if Int.random(in: 0..<4, using: &random) == 0 {
            let since = PageModel.time(Int.random(in: 0..<20, using: &random))
            query.parameters.append(("since", since))
            query.conditions.append { $0.createdAt >= since }
        }
        if Int.random(in: 0..<4, using: &random) == 0 {
            let until = PageModel.time(Int.random(in: 10..<30, using: &random))
            query.parameters.append(("until", until))
            query.conditions.append { $0.createdAt < until }
        }
    }

    private static func addMetadata(to query: inout ModelQuery, _ random: inout SeededGenerator) {
        let path = ["zone", "a.b.c", "a.zone", "list", "a.b", "none"].randomElement(using: &random)!
        let values = ["eu-1a", "1.10", "1.1", "true", "null"].shuffled(using: &random)
            .prefix(Int.random(in: 1...2, using: &random))
        for value in values { query.parameters.append(("metadata." + path, value)) }
        query.conditions.append { event in event.metadata[path].map(values.contains) ?? false }
    }

    /// Words of titles; the second is a prefix or excluded at times.
    private static func addText(to query: inout ModelQuery, _ random: inout SeededGenerator) {
        let chosen = words.shuffled(using: &random).prefix(2)
        let (first, second) = (chosen[0], chosen[1])
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            query.parameters.append(("q", first))
            query.conditions.append { $0.title.contains(first) }
        case 1:
            query.parameters.append(("q", "\(second) \(first)"))
            query.conditions.append { $0.title.contains(first) && $0.title.contains(second) }
        case 2:
            query.parameters.append(("q", "\(first.uppercased()) -\(second)"))
            query.conditions.append { $0.title.contains(first) && !$0.title.contains(second) }
        default:
            query.parameters.append(("q", "\"\(first.dropLast())\"*"))
            query.conditions.append { $0.title.contains(first) }
        }
    }

    /// The filter of one field: values, exclusions and prefixes, in one parameter or several.
    private static func addFilter(
        _ field: EventField, _ pool: [String?], to query: inout ModelQuery,
        _ random: inout SeededGenerator
    ) {
        let utf8 = { (text: String) in Array(text.utf8) }
        var included: [([UInt8]) -> Bool] = []
        var excluded: [([UInt8]) -> Bool] = []
        var texts: [String] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            var value = pool.compactMap(\.self).filter { !$0.isEmpty }.randomElement(
                using: &random)!
            let isPrefix = Int.random(in: 0..<3, using: &random) == 0
            if isPrefix {
                // Not inside a character, and not an empty severity.
                let least = field == .severity ? 1 : 0
                let scalars = Array(value.unicodeScalars)
                let count = Int.random(in: least...scalars.count, using: &random)
                value = ""
                value.unicodeScalars.append(contentsOf: scalars.prefix(count))
            }
            let test: ([UInt8]) -> Bool =
                isPrefix
                ? { [value] in $0.starts(with: utf8(value)) } : { [value] in $0 == utf8(value) }
            let isExcluded = Int.random(in: 0..<3, using: &random) == 0
            if isExcluded { excluded.append(test) } else { included.append(test) }
            texts.append((isExcluded ? "!" : "") + escaped(value) + (isPrefix ? "*" : ""))
        }
        if Bool.random(using: &random) { texts = [texts.joined(separator: ",")] }
        query.parameters += texts.map { (String(describing: field.name), $0) }
        query.conditions.append { event in
            guard let value = event.fields[field].map(utf8) else { return included.isEmpty }
            return (included.isEmpty || included.contains { $0(value) })
                && !excluded.contains { $0(value) }
        }
    }

    private static func escaped(_ value: String) -> String {
        var text = String.UnicodeScalarView()
        for scalar in value.unicodeScalars {
            if ["\\", ",", "!", "*"].contains(scalar) { text.append("\\") }
            text.append(scalar)
        }
        return String(text)
    }
}
