import JSON

/// Reads events from JSON, strictly by the table of the contract (docs/api.md).
public struct EventDecoder {
    /// A well-formed JSON value is an event, or it is not and these are the reasons.
    public enum Decoded {
        case event(Event)
        case invalid([FieldError])
    }

    /// The most errors that one event is reported with.
    static let errorLimit = 20
    static let titleCharacters = 1024
    static let descriptionBytes = 65_536
    /// Of kind, namespace, name, cluster and reason.
    public static let nameCharacters = 253
    static let metadataBytes = 262_144
    static let metadataDepth = 64
    static let typeBytes = 64

    private let redaction: Redaction?
    private let keepsReceivedAt: Bool
    private var event = Event()
    private var errors: [FieldError] = []
    private var seen: UInt16 = 0
    private var unknown: [JSONString] = []

    /// Reads the value that comes next.
    ///
    /// - Parameter now: the time of an event that brings none, and in the id of one that brings
    /// none.
    ///   - redaction: what is taken out of its metadata.
    ///   - keepsReceivedAt: takes `received_at`, which the store gives else.
    /// - Throws: when the text is not JSON, a duplicate key included.
    public static func decode(
        _ reader: inout JSONReader, now: Timestamp, redaction: Redaction? = nil,
        keepsReceivedAt: Bool = false
    ) throws(JSONError) -> Decoded {
        let kind = try reader.peekKind()
        guard kind == .object else {
            _ = try reader.skipValue()
            return .invalid([
                FieldError(pointer: "", detail: "an event is a JSON object, not \(kind.phrase)")
            ])
        }
        var decoder = EventDecoder(redaction, keepsReceivedAt)
        try decoder.readFields(&reader)
        return decoder.finish(now: now)
    }

    private init(_ redaction: Redaction?, _ keepsReceivedAt: Bool) {
        self.redaction = redaction
        self.keepsReceivedAt = keepsReceivedAt
    }

    private mutating func readFields(_ reader: inout JSONReader) throws(JSONError) {
        try reader.beginObject()
        while let key = try reader.nextKey() {
            guard let field = Self.fields.first(where: { key.equals($0.name) }) else {
                try readUnknown(key, &reader)
                continue
            }
            guard seen & (1 << UInt16(field.rawValue)) == 0 else {
                throw reader.error(
                    "the key \"\(field.name)\" occurs twice in one object", at: key.offset)
            }
            seen |= 1 << UInt16(field.rawValue)
            try read(field, &reader)
        }
    }

    private mutating func readUnknown(
        _ key: JSONString, _ reader: inout JSONReader
    ) throws(JSONError) {
        // Whoever sends millions of them is told of the first.
        guard unknown.count < Self.errorLimit else {
            _ = try reader.skipValue()
            return
        }
        // A key can be as long as the body. In scalars, for a character can have any number of them.
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
        report(pointer, "is no field of an event; those are \(Self.fieldList)")
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
            if let time = readTime(field, try reader.readString()) { event.setReceivedAt(time) }
        case (.receivedAt, _) where !keepsReceivedAt, (.foldKey, _), (.seq, _):
            _ = try reader.skipValue()
            report(field, "is given by the store and must be left out")
        case (.occurrences, .number):
            readOccurrences(try reader.skipValue())
        case (.occurrences, _):
            _ = try reader.skipValue()
            report(field, "must be a whole number from 0 to \(Int32.max), not \(kind.phrase)")
        case (.metadata, .object):
            try readMetadata(try reader.skipValue())
        case (.metadata, _) where kind != .null:
            _ = try reader.skipValue()
            report(field, "must be an object or null, not \(kind.phrase)")
        case (_, .string):
            try readText(field, try reader.readString())
        case (_, .null) where field.isNullable:
            try reader.readNull()
        default:
            _ = try reader.skipValue()
            report(
                field, "must be a string\(field.isNullable ? " or null" : ""), not \(kind.phrase)")
        }
    }

    private mutating func readOccurrences(_ slice: JSONSlice) {
        guard let count = Int32(String(decoding: slice.raw, as: UTF8.self)), count >= 0 else {
            return report(
                .occurrences,
                "must be a whole number from 0 to \(Int32.max), not \(Self.quoted(slice.raw))")
        }
        event.setOccurrences(count)
    }

    private mutating func readMetadata(_ slice: JSONSlice) throws(JSONError) {
        guard slice.depth <= Self.metadataDepth else {
            return report(
                .metadata,
                "is nested \(slice.depth) levels deep; at most \(Self.metadataDepth) are stored")
        }
        var rewritten: [UInt8] = []
        if slice.hasWhitespace { slice.appendCompact(to: &rewritten) }
        if let redaction {
            let redacted =
                rewritten.isEmpty
                ? try redaction.redact(slice.raw)
                : try rewritten.span.withUnsafeBytes { bytes throws(JSONError) in
                    try redaction.redact(bytes)
                }
            if let redacted { rewritten = redacted }
        }
        // An object has two bytes at least.
        let bytes = rewritten.isEmpty ? slice.raw.count : rewritten.count
        guard bytes <= Self.metadataBytes else {
            return report(
                .metadata,
                "is \(bytes) bytes long without white space; at most \(Self.metadataBytes) are stored"
            )
        }
        event.set(.metadata) { output in
            if rewritten.isEmpty {
                output.append(contentsOf: slice.raw)
            } else {
                output.append(contentsOf: rewritten)
            }
        }
    }

    private mutating func readText(_ field: EventField, _ text: JSONString) throws(JSONError) {
        if field == .createdAt {
            if let time = readTime(field, text) { event.setTime(time, isGiven: true) }
            return
        }
        event.set(field) { text.append(to: &$0) }
        let problem = event.withBytes(of: field) { Self.problem(field, $0) }
        if let problem { report(field, problem) }
    }

    private mutating func readTime(_ field: EventField, _ text: JSONString) -> Timestamp? {
        var decoded: [UInt8] = []
        text.append(to: &decoded)
        guard let time = Timestamp(rfc3339: decoded) else {
            report(
                field,
                "must be an RFC 3339 time such as 2026-11-23T10:30:45.123Z, not \(Self.quoted(decoded))"
            )
            return nil
        }
        guard Timestamp.storable.contains(time) else {
            report(
                field,
                "must be a time of the years 1970 to 2099, not \(Self.quoted(decoded)); leave it out for now"
            )
            return nil
        }
        return time
    }

    /// What is wrong with a text field's value.
    private static func problem(_ field: EventField, _ value: UnsafeRawBufferPointer) -> String? {
        switch field {
        case .id:
            return EventID.isValid(value)
                ? nil
                : "must be 1 to 128 characters of A-Z a-z 0-9 . _ : -, other than . and .., not \(quoted(value))"
        case .eventType:
            return isValidType(value)
                ? nil
                : "must be 1 to \(typeBytes) characters of a-z 0-9 . _ - that start with a letter, "
                    + "not \(quoted(value))"
        case .severity:
            return Severity(rawValue: String(decoding: value, as: UTF8.self)) == nil
                ? "must be one of \(Severity.list), not \(quoted(value))" : nil
        case .title:
            let count = characters(value)
            return (1...titleCharacters).contains(count)
                ? nil : "must have 1 to \(titleCharacters) characters; it has \(count)"
        case .description:
            return value.count > descriptionBytes
                ? "must have at most \(descriptionBytes) bytes of UTF-8; it has \(value.count)"
                : nil
        case .objectKind, .objectNamespace, .objectName, .cluster, .reason:
            let count = characters(value)
            return count > nameCharacters
                ? "must have at most \(nameCharacters) characters; it has \(count)" : nil
        case .metadata, .createdAt, .occurrences, .receivedAt, .foldKey, .seq:
            return nil
        }
    }

    /// Whether `value` is 1 to 64 of `a-z 0-9 . _ -`, starting with a letter.
    static func isValidType(_ value: some Collection<UInt8>) -> Bool {
        guard let first = value.first, (1...typeBytes).contains(value.count) else { return false }
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        return letters.contains(first)
            && value.allSatisfy { byte in
                letters.contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                    || byte == UInt8(ascii: "-")
            }
    }

    /// Unicode scalars: the bytes of valid UTF-8 that begin one.
    private static func characters(_ utf8: UnsafeRawBufferPointer) -> Int {
        var count = 0
        for byte in utf8 where byte & 0xC0 != 0x80 { count += 1 }
        return count
    }

    /// A value as errors show it: short.
    static func quoted(_ value: some Collection<UInt8>) -> String {
        // In scalars, for a character can have any number of them. A cut in the middle of one is
        // not seen: 256 bytes are more than 40 scalars.
        let text = String(decoding: value.prefix(256), as: UTF8.self).unicodeScalars
        return text.count <= 40 ? "'\(text)'" : "'\(String(text.prefix(40)))…'"
    }

    private mutating func report(_ field: EventField, _ detail: String) {
        report("/\(field.name)", detail)
    }

    private mutating func report(_ pointer: String, _ detail: String) {
        guard errors.count < Self.errorLimit else { return }
        errors.append(FieldError(pointer: pointer, detail: detail))
    }

    private mutating func finish(now: Timestamp) -> Decoded {
        for field in [EventField.eventType, .severity, .title]
        where seen & (1 << UInt16(field.rawValue)) == 0 {
            report(field, "is required")
        }
        guard errors.isEmpty else { return .invalid(errors) }
        if seen & (1 << UInt16(EventField.id.rawValue)) == 0 {
            event.set(.id) { EventID.append(now: now, to: &$0) }
        }
        if seen & (1 << UInt16(EventField.createdAt.rawValue)) == 0 {
            event.setTime(now, isGiven: false)
        }
        return .event(event)
    }
}

extension JSONKind {
    /// With its article, for errors.
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
