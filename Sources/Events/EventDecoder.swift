public import JSON

/// Reads events from JSON, strictly by the table of the contract (docs/api.md).
public struct EventDecoder {
    /// The result for a well-formed JSON value: an event, or the reasons it is not one.
    public enum Decoded {
        case event(Event)
        case invalid([FieldError])
    }

    private let keepsReceivedAt: Bool
    private var builder: EventBuilder
    private var unknown: [JSONString] = []

    /// Reads the next value.
    ///
    /// - Parameters:
    ///   - now: the time of an event without one, and in the id of an event without one.
    ///   - redaction: removes values from its metadata.
    ///   - keepsReceivedAt: true to accept `received_at`, which otherwise the store sets.
    /// - Throws: if the text is not JSON, or has a duplicate key.
    public static func decode(
        _ reader: inout JSONReader, now: Timestamp, redaction: Redaction? = nil,
        keepsReceivedAt: Bool = false
    ) throws(JSONError) -> Decoded {
        let decoded = try decode(
            &reader, now: now, cluster: nil, redaction: redaction, keepsReceivedAt: keepsReceivedAt,
            unlessForeign: false)
        guard let decoded else { preconditionFailure("only a foreign object is left alone") }
        return decoded
    }

    /// Reads the next value, unless it is of another format.
    ///
    /// - Parameters:
    ///   - cluster: the cluster of an event without one.
    ///   - unlessForeign: stops at the first key that no event has, if `event_type` did not come
    ///     before.
    /// - Returns: nil if it stopped, in the middle of the object.
    public static func decode(
        _ reader: inout JSONReader, now: Timestamp, cluster: String?, redaction: Redaction?,
        keepsReceivedAt: Bool, unlessForeign: Bool
    ) throws(JSONError) -> Decoded? {
        let kind = try reader.peekKind()
        guard kind == .object else {
            _ = try reader.skipValue()
            return .invalid([
                FieldError(pointer: "", detail: "an event is a JSON object, not \(kind.phrase)")
            ])
        }
        var decoder = EventDecoder(redaction, keepsReceivedAt)
        guard try decoder.readFields(&reader, unlessForeign: unlessForeign) else { return nil }
        if let cluster { decoder.builder.fillInCluster(cluster) }
        return decoder.builder.finish(now: now)
    }

    private init(_ redaction: Redaction?, _ keepsReceivedAt: Bool) {
        builder = EventBuilder(redaction: redaction)
        self.keepsReceivedAt = keepsReceivedAt
    }

    /// Returns false if it stopped at a key that makes the object foreign.
    private mutating func readFields(
        _ reader: inout JSONReader, unlessForeign: Bool
    ) throws(JSONError) -> Bool {
        try reader.beginObject()
        while let key = try reader.nextKey() {
            guard let field = Self.fields.first(where: { key.equals($0.name) }) else {
                if unlessForeign, !builder.has(.eventType) { return false }
                try readUnknown(key, &reader)
                continue
            }
            guard builder.note(field) else {
                throw reader.error(
                    "the key \"\(field.name)\" occurs twice in one object", at: key.offset)
            }
            try read(field, &reader)
        }
        return true
    }

    private mutating func readUnknown(
        _ key: JSONString, _ reader: inout JSONReader
    ) throws(JSONError) {
        // Only the first of millions of unknown fields are reported.
        guard unknown.count < EventBuilder.errorLimit else {
            _ = try reader.skipValue()
            return
        }
        // A key can be as long as the body. Scalars are counted, because a character can have any
        // number of them.
        let shortName = key.prefix(scalars: 64)
        guard !unknown.contains(key) else {
            throw reader.error(
                "the key \"\(shortName)\" occurs twice in one object", at: key.offset)
        }
        unknown.append(key)
        _ = try reader.skipValue()
        // RFC 6901, 3: "~" and "/" are written "~0" and "~1".
        var pointer = "/"
        for scalar in shortName.unicodeScalars {
            switch scalar {
            case "~": pointer += "~0"
            case "/": pointer += "~1"
            default: pointer.unicodeScalars.append(scalar)
            }
        }
        builder.report(
            FieldError(
                pointer: pointer,
                detail: "is not a field of an event; the fields are \(Self.fieldList)"))
    }

    private static let fields = EventField.allCases
    private static let fieldList = fields.filter { !$0.isGivenByStore }.map { "\($0.name)" }
        .joined(separator: ", ")

    private mutating func read(
        _ field: EventField, _ reader: inout JSONReader
    ) throws(JSONError) {
        let kind = try reader.peekKind()
        switch (field, kind) {
        case (.receivedAt, .string) where keepsReceivedAt:
            builder.setReceivedAt(rfc3339: try reader.readString())
        case (.receivedAt, _) where !keepsReceivedAt, (.foldKey, _), (.seq, _):
            _ = try reader.skipValue()
            builder.report(field, "is set by the store and must be left out")
        case (.occurrences, .number):
            builder.setOccurrences(try reader.skipValue().raw)
        case (.occurrences, _):
            _ = try reader.skipValue()
            builder.report(field, EventBuilder.occurrencesRule(kind.phrase))
        case (.metadata, .object):
            let problem = try builder.setMetadata(try reader.skipValue())
            if let problem { builder.report(field, problem) }
        case (.metadata, _) where kind != .null:
            _ = try reader.skipValue()
            builder.report(field, "must be an object or null, not \(kind.phrase)")
        case (.createdAt, .string):
            builder.setTime(rfc3339: try reader.readString())
        case (_, .string):
            let text = try reader.readString()
            builder.set(field) { text.append(to: &$0) }
        case (_, .null) where field.isNullable:
            try reader.readNull()
        default:
            _ = try reader.skipValue()
            builder.report(
                field, "must be a string\(field.isNullable ? " or null" : ""), not \(kind.phrase)")
        }
    }
}

extension JSONKind {
    /// The kind with its article, for errors.
    fileprivate var phrase: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .number: "a number"
        case .bool: "a boolean"
        case .null: "null"
        }
    }
}
