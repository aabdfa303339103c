import JSON

/// The conditions on events, for listing, following, exporting, counting or deleting them. All of
/// them must hold.
public struct EventConditions: Hashable, Sendable {
    /// The filters of fields, in the order of `EventField`, each field at most once.
    public private(set) var fields: [FieldFilter] = []
    /// The filters of metadata, in the order of paths, each at most once.
    public private(set) var metadata: [MetadataFilter] = []
    /// The search of the event's texts.
    public private(set) var text: TextQuery?
    /// The earliest `created_at`, inclusive, as it is stored.
    public private(set) var since: String?
    /// The latest `created_at`, exclusive, as it is stored.
    public private(set) var until: String?
    /// The key that events are folded by.
    public private(set) var foldKey: Int64?

    private static let fieldNames = EventField.filterable.map { String(describing: $0.name) }

    /// The query parameters of conditions; PATH stands for any text.
    public static let parameters =
        fieldNames + [
            "fold_key", "severity_min", "since", "until", "q", MetadataFilter.prefix + "PATH",
        ]

    /// True if `name` is one of `known`.
    public static func isKnown(_ name: String, among known: [String]) -> Bool {
        guard name.hasPrefix(MetadataFilter.prefix) else { return known.contains(name) }
        return known.contains(MetadataFilter.prefix + "PATH")
    }

    /// True if `name` may be given more than once.
    static func mayRepeat(_ name: String) -> Bool {
        fieldNames.contains(name) || name.hasPrefix(MetadataFilter.prefix)
    }

    /// Creates conditions that every event meets.
    public init() {}

    /// Reads the known ones of `parameters`, each with all its values.
    ///
    /// - Parameter now: the moment that ages are counted back from.
    init(_ parameters: [String: [String]], now: Timestamp) throws(QueryError) {
        for field in EventField.filterable {
            var filter = try parameters[String(describing: field.name)].map {
                (values) throws(QueryError) in try FieldFilter(field, values)
            }
            if field == .severity, let least = try Self.least(parameters["severity_min"]?.first) {
                filter?.formIntersection(least)
                filter = filter ?? least
            }
            if let filter { fields.append(filter) }
        }
        for (name, values) in parameters where name.hasPrefix(MetadataFilter.prefix) {
            metadata.append(try MetadataFilter(name, values))
        }
        metadata.sort { $0.path.lexicographicallyPrecedes($1.path) }
        guard metadata.count <= MetadataFilter.most else {
            throw QueryError(
                parameter: metadata[MetadataFilter.most].name,
                detail:
                    "is one metadata filter too many; at most \(MetadataFilter.most) are allowed")
        }
        text = try parameters["q"]?.first.map(TextQuery.init)
        since = try Self.time("since", parameters["since"]?.first, now)
        until = try Self.time("until", parameters["until"]?.first, now)
        foldKey = try parameters["fold_key"]?.first.map(Self.foldKey)
    }

    /// True if every event matches.
    public var isEmpty: Bool { self == EventConditions() }

    /// True if no event can match.
    public var excludesAll: Bool { fields.contains { $0.included?.isEmpty ?? false } }

    /// True if no index of the table covers all of them.
    public var askMore: Bool { askOfTexts || foldKey != nil }

    /// True if some of them need `EventMatcher`.
    public var askOfTexts: Bool { text != nil || !metadata.isEmpty }

    /// True if they ask for the events of one object, and for nothing else but a range of time.
    public var askForObject: Bool {
        !askMore && fields.map(\.field) == Self.object
            && fields.allSatisfy { $0.onlyValue != nil }
    }

    private static let object: [EventField] = [.objectKind, .objectNamespace, .objectName]

    /// The filter of `field`.
    public subscript(field: EventField) -> FieldFilter? { fields.first { $0.field == field } }

    private static func least(_ text: String?) throws(QueryError) -> FieldFilter? {
        guard let text else { return nil }
        guard let least = Severity(rawValue: text) else {
            throw QueryError(
                parameter: "severity_min",
                detail: "must be one of \(Severity.list), not \(EventRules.quoted(text.utf8))")
        }
        return FieldFilter(severityFrom: least)
    }

    private static func foldKey(_ text: String) throws(QueryError) -> Int64 {
        let digits = text.utf8.compactMap(\.lowercaseHexDigitValue)
        guard digits.count == 16, text.utf8.count == 16 else {
            throw QueryError(
                parameter: "fold_key",
                detail: "must be the 16 hexadecimal digits that events have, in lower case")
        }
        return digits.reduce(0) { $0 << 4 | Int64($1) }
    }

    /// A time, or an age that is counted back from `now`.
    private static func time(
        _ name: String, _ value: String?, _ now: Timestamp
    ) throws(QueryError) -> String? {
        guard let value else { return nil }
        if let age = Age.milliseconds(value) {
            // An age may reach back to before year 0.
            return (Timestamp(milliseconds: now.milliseconds - age) ?? .min).text
        }
        // An offset's `+` that was not percent-encoded has become a space.
        guard
            let time = Timestamp(
                rfc3339: Array(value.utf8).map { $0 == UInt8(ascii: " ") ? UInt8(ascii: "+") : $0 })
        else {
            throw QueryError(
                parameter: name,
                detail:
                    "must be an RFC 3339 time such as 2026-11-23T10:30:45Z, or an age such as 15m, 36h or 1w"
            )
        }
        return time.text
    }

    // MARK: Events

    /// True if an event matches, apart from the conditions that only `EventMatcher` checks.
    public func admitsFields(_ event: EventView) -> Bool {
        guard fields.allSatisfy({ $0.admits(event[$0.field]) }),
            let createdAt = event[.createdAt]
        else { return false }
        func isBefore(_ time: String) -> Bool { createdAt.lexicographicallyPrecedes(time.utf8) }
        if let since, isBefore(since) { return false }
        if let until, !isBefore(until) { return false }
        return foldKey == nil || event.foldKey == foldKey
    }

    // MARK: Cursors

    /// Bytes that are equal for equivalent conditions, made of names, values and their lengths.
    var signature: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ tag: Character, _ text: some Collection<UInt8>) {
            bytes += "\(tag)\(text.count):".utf8
            bytes += text
        }
        for filter in fields {
            append("f", String(describing: filter.field.name).utf8)
            if filter.included != nil { bytes.append(UInt8(ascii: "i")) }
            for value in filter.included ?? [] { append(value.isPrefix ? "p" : "=", value.text) }
            bytes.append(UInt8(ascii: "x"))
            for value in filter.excluded { append(value.isPrefix ? "p" : "=", value.text) }
        }
        for filter in metadata {
            append("m", filter.path)
            for value in filter.values { append("=", value) }
        }
        if let text { append("q", text.signature) }
        if let since { append("s", since.utf8) }
        if let until { append("u", until.utf8) }
        if let foldKey { append("k", "\(foldKey)".utf8) }
        return bytes
    }
}
