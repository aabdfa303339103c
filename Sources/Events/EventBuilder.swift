public import JSON

/// Builds an event field by field, from JSON or in code, and holds it to `EventRules`.
///
///     var builder = EventBuilder()
///     builder.set(.eventType, "system")
///     builder.set(.severity, "warning")
///     builder.set(.title, "Events may be missing")
///     let decoded = builder.finish(now: now)  // .event(…), or .invalid(…) with every reason
public struct EventBuilder {
    /// The most errors reported for one event.
    static let errorLimit = 20

    private var event = Event()
    private var errors: [FieldError] = []
    /// The fields that were given, right or wrong, a bit each.
    private var given: UInt16 = 0
    private let redaction: Redaction?

    /// Starts an empty event.
    ///
    /// - Parameter redaction: the values removed from its metadata.
    public init(redaction: Redaction? = nil) { self.redaction = redaction }

    // MARK: Fields

    /// Sets one of the fields that are texts; `created_at` as RFC 3339 and `metadata` as JSON have
    /// their own functions.
    public mutating func set(_ field: EventField, _ text: String) {
        set(field, text.utf8)
    }

    /// Sets one of the fields that are texts to valid UTF-8.
    public mutating func set(_ field: EventField, _ utf8: some Collection<UInt8>) {
        precondition(
            EventField.texts.contains(field) && field != .metadata && field != .createdAt,
            "no text: \(field)")
        note(field)
        set(field) { $0.append(contentsOf: utf8) }
    }

    /// Sets the time of the event.
    public mutating func setTime(_ time: Timestamp) {
        note(.createdAt)
        guard Timestamp.storable.contains(time) else {
            return report(.createdAt, Self.timeRule(Array(time.text.utf8)))
        }
        event.setTime(time, isGiven: true)
    }

    /// Sets the number of occurrences that the event stands for.
    public mutating func setOccurrences(_ count: Int32) {
        note(.occurrences)
        guard count >= 0 else {
            return report(.occurrences, Self.occurrencesRule("\(count)"))
        }
        event.setOccurrences(count)
    }

    /// Sets metadata to a JSON object, without white space and secrets.
    ///
    /// - Returns: nil, or the rule that it breaks; metadata is then unchanged.
    /// - Throws: if `json` is not one JSON text.
    public mutating func setMetadata(
        _ json: UnsafeRawBufferPointer
    ) throws(JSONError) -> FieldError? {
        var reader = JSONReader(json)
        guard try reader.peekKind() == .object else {
            return FieldError(pointer: "/metadata", detail: "must be an object")
        }
        let slice = try reader.skipValue()
        try reader.expectEnd()
        return try setMetadata(slice).map { FieldError(pointer: "/metadata", detail: $0) }
    }

    /// Makes an event already stored under the same id win, whatever its content.
    public mutating func yieldToStored() { event.yieldsToStored = true }

    /// Adds a reason why this is not a valid event.
    public mutating func report(_ error: FieldError) {
        guard errors.count < Self.errorLimit else { return }
        errors.append(error)
    }

    /// Returns the event, or every reason why it is not valid.
    ///
    /// - Parameter now: the time of an event without one, and in the id of an event without one.
    public mutating func finish(now: Timestamp) -> EventDecoder.Decoded {
        for field in [EventField.eventType, .severity, .title] where !has(field) {
            report(field, "is required")
        }
        guard errors.isEmpty else { return .invalid(errors) }
        if !has(.id) { event.set(.id) { EventID.append(now: now, to: &$0) } }
        if !has(.createdAt) { event.setTime(now, isGiven: false) }
        event.findSeries()
        return .event(event)
    }

    // MARK: For the decoder

    /// Records that a field is given; false if it already was.
    @discardableResult
    mutating func note(_ field: EventField) -> Bool {
        let bit: UInt16 = 1 << UInt16(field.rawValue)
        guard given & bit == 0 else { return false }
        given |= bit
        return true
    }

    func has(_ field: EventField) -> Bool { given & (1 << UInt16(field.rawValue)) != 0 }

    mutating func set(_ field: EventField, _ append: (inout [UInt8]) -> Void) {
        event.set(field, append)
        let problem = event.withBytes(of: field) { EventRules.problem(field, $0) }
        if let problem { report(field, problem) }
    }

    /// Names the cluster of an event that does not.
    mutating func fillInCluster(_ name: String) { event.fillInCluster(name) }

    mutating func setTime(rfc3339 text: JSONString) {
        if let time = readTime(.createdAt, text) { event.setTime(time, isGiven: true) }
    }

    mutating func setReceivedAt(rfc3339 text: JSONString) {
        if let time = readTime(.receivedAt, text) { event.setReceivedAt(time) }
    }

    private mutating func readTime(_ field: EventField, _ text: JSONString) -> Timestamp? {
        var decoded: [UInt8] = []
        text.append(to: &decoded)
        guard let time = Timestamp(rfc3339: decoded) else {
            report(
                field,
                "must be an RFC 3339 time such as 2026-11-23T10:30:45.123Z, not \(EventRules.quoted(decoded))"
            )
            return nil
        }
        guard Timestamp.storable.contains(time) else {
            report(field, Self.timeRule(decoded))
            return nil
        }
        return time
    }

    private static func timeRule(_ found: [UInt8]) -> String {
        "must be a time in the years 1970 to 2099, not \(EventRules.quoted(found)); leave it out to use the current time"
    }

    mutating func setOccurrences(_ number: UnsafeRawBufferPointer) {
        guard let count = Int32(String(decoding: number, as: UTF8.self)), count >= 0 else {
            return report(.occurrences, Self.occurrencesRule(EventRules.quoted(number)))
        }
        event.setOccurrences(count)
    }

    static func occurrencesRule(_ found: String) -> String {
        "must be a whole number from 0 to \(Int32.max), not \(found)"
    }

    /// Returns the rule that an object breaks; nil if it is set.
    mutating func setMetadata(_ slice: JSONSlice) throws(JSONError) -> String? {
        note(.metadata)
        guard slice.depth <= EventRules.metadataDepth else {
            return
                "is nested \(slice.depth) levels deep; at most \(EventRules.metadataDepth) are stored"
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
        // An object has at least two bytes.
        let bytes = rewritten.isEmpty ? slice.raw.count : rewritten.count
        guard bytes <= EventRules.metadataBytes else {
            return
                "is \(bytes) bytes long without white space; at most \(EventRules.metadataBytes) are stored"
        }
        event.set(.metadata) { output in
            if rewritten.isEmpty {
                output.append(contentsOf: slice.raw)
            } else {
                output.append(contentsOf: rewritten)
            }
        }
        return nil
    }

    mutating func report(_ field: EventField, _ detail: String) {
        report(FieldError(pointer: "/\(field.name)", detail: detail))
    }
}
