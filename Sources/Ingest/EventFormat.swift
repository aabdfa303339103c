public import Events
public import JSON

/// The options for reading events, apart from their format.
public struct IngestOptions: Sendable {
    /// The cluster of events that do not name one.
    public var cluster: String?
    /// Removes secrets from metadata.
    public var redaction: Redaction?
    /// True if events of Logbook's own format keep the time at which another store received them.
    public var keepsReceivedAt = false
    /// True inside a list, because lists in lists would be read again and again.
    var isInList = false

    /// Creates the options.
    public init(cluster: String? = nil, redaction: Redaction? = nil) {
        self.cluster = cluster
        self.redaction = redaction
    }
}

/// The meaning of a value in a body.
public enum Ingested: Sendable {
    case event(Event)
    case invalid([FieldError])
    /// Nothing that happened: a deletion, a bookmark.
    case nothing

    /// True if it is an event.
    public var isEvent: Bool { if case .event = self { true } else { false } }
}

/// The format of another program, distinguished from Logbook's own by the keys of its objects.
public protocol EventFormat: Sendable {
    /// Returns true if an object with these members is of this format.
    static func recognizes(_ members: OutermostMembers) -> Bool

    /// Passes on the contents of an object of this format.
    ///
    /// - Returns: true if the object is a list, which may hold any number of events.
    static func read(
        _ members: OutermostMembers, now: Timestamp, _ options: IngestOptions,
        _ take: (Ingested) -> Void
    ) throws(JSONError) -> Bool
}

/// The formats that `POST /events` and `logbook events import` accept, in any mixture.
public enum EventFormats {
    private static let others: [any EventFormat.Type] = [KubernetesFormat.self]

    /// Reads the next value, and passes on its contents once all of it is read.
    ///
    /// An object with `event_type` is Logbook's own, and is read strictly.
    ///
    /// - Returns: true if it is a list, which may hold any number of events.
    /// - Throws: if the text is not JSON or has a duplicate key; then nothing has been passed on.
    @discardableResult
    public static func read(
        _ reader: inout JSONReader, now: Timestamp, _ options: IngestOptions,
        _ take: (Ingested) -> Void
    ) throws(JSONError) -> Bool {
        let start = try reader.mark()
        if let decoded = try decode(&reader, now: now, options, unlessForeign: true) {
            take(Ingested(decoded))
            return false
        }
        reader.goBack(to: start)
        let members = try OutermostMembers(&reader)
        if !members.has("event_type"),
            let format = others.first(where: { $0.recognizes(members) })
        {
            return try format.read(members, now: now, options, take)
        }
        reader.goBack(to: start)
        if let decoded = try decode(&reader, now: now, options, unlessForeign: false) {
            take(Ingested(decoded))
        }
        return false
    }

    /// Reads an item that was cut out of a text, and may not be valid.
    ///
    /// In formats of other programs U+FFFD replaces bytes that are not UTF-8, and half surrogate
    /// pairs.
    ///
    /// - Throws: if it is not JSON.
    public static func readItem(
        _ json: [UInt8], now: Timestamp, _ options: IngestOptions
    ) throws(JSONError) -> [Ingested] {
        try json.span.withUnsafeBytes { bytes throws(JSONError) in
            do throws(JSONError) {
                var reader = JSONReader(bytes)
                var found: [Ingested] = []
                try read(&reader, now: now, options) { found.append($0) }
                try reader.expectEnd()
                return found
            } catch {
                guard let mended = TextRepair.repaired(bytes),
                    let found = try? readForeign(mended: mended, now: now, options)
                else { throw error }
                return found.items
            }
        }
    }

    /// An object of another program's format.
    public struct Foreign {
        /// The object on one line, in valid JSON.
        public let json: [UInt8]
        /// The events in it.
        public let items: [Ingested]
    }

    /// Reads an item that was cut out of a text, if it is of another program's format.
    ///
    /// - Returns: nil for anything else, such as an event of Logbook's own.
    /// - Throws: if it is not JSON.
    public static func readForeign(
        _ json: [UInt8], now: Timestamp, _ options: IngestOptions = IngestOptions()
    ) throws(JSONError) -> Foreign? {
        do throws(JSONError) {
            return try readForeign(mended: json, now: now, options)
        } catch {
            guard let mended = json.withUnsafeBytes(TextRepair.repaired),
                let found = try? readForeign(mended: mended, now: now, options)
            else { throw error }
            return found
        }
    }

    private static func readForeign(
        mended json: [UInt8], now: Timestamp, _ options: IngestOptions
    ) throws(JSONError) -> Foreign? {
        try json.span.withUnsafeBytes { bytes throws(JSONError) in
            var reader = JSONReader(bytes)
            guard try reader.peekKind() == .object else { return nil }
            let members = try OutermostMembers(&reader)
            try reader.expectEnd()
            guard !members.has("event_type"),
                let format = others.first(where: { $0.recognizes(members) })
            else { return nil }
            var items: [Ingested] = []
            _ = try format.read(members, now: now, options) { items.append($0) }
            return Foreign(json: members.compact, items: items)
        }
    }

    private static func decode(
        _ reader: inout JSONReader, now: Timestamp, _ options: IngestOptions, unlessForeign: Bool
    ) throws(JSONError) -> EventDecoder.Decoded? {
        try EventDecoder.decode(
            &reader, now: now, cluster: options.cluster, redaction: options.redaction,
            keepsReceivedAt: options.keepsReceivedAt, unlessForeign: unlessForeign)
    }
}

extension Ingested {
    init(_ decoded: EventDecoder.Decoded) {
        switch decoded {
        case .event(let event): self = .event(event)
        case .invalid(let errors): self = .invalid(errors)
        }
    }
}
