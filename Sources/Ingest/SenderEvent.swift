import Events
import JSON
import System

/// Builds an event from a sender's record. What is too long is cut and marked in metadata, and an
/// event already stored under the same id wins.
struct SenderEvent {
    private var builder: EventBuilder
    private let format: String
    private let options: IngestOptions
    private var truncated: [String] = []
    private var hasTime = false
    private var hasCluster = false
    private var id: String?

    /// Starts an event of `format`.
    init(_ format: String, _ options: IngestOptions) {
        builder = EventBuilder(redaction: options.redaction)
        builder.yieldToStored()
        self.format = format
        self.options = options
    }

    /// Sets a text; nil and empty ones are no text.
    mutating func set(_ field: EventField, _ text: String?) {
        guard let text, !text.isEmpty else { return }
        let cut = text.cut(to: field)
        if cut.utf8.count < text.utf8.count { noteCut(field) }
        if field == .cluster { hasCluster = true }
        builder.set(field, cut)
    }

    /// Marks the event as cut in `field`.
    mutating func noteCut(_ field: EventField) {
        let name = "\(field.name)"
        if !truncated.contains(name) { truncated.append(name) }
    }

    /// Sets the type.
    mutating func setType(_ type: String) { builder.set(.eventType, type) }

    mutating func set(_ severity: Severity) { builder.set(.severity, severity.rawValue) }

    /// Sets the title to the first line that there is of `texts`.
    mutating func setTitle(_ texts: String?...) {
        set(.title, texts.lazy.compactMap { $0?.firstLine }.first { !$0.isEmpty } ?? format)
    }

    /// Sets the object, if it has a name.
    mutating func setObject(kind: String, namespace: String?, name: String?) {
        guard let name, !name.isEmpty else { return set(.objectNamespace, namespace) }
        set(.objectKind, kind)
        set(.objectNamespace, namespace)
        set(.objectName, name)
    }

    /// Sets the time; one that no event may have, such as Go's year 1, is no time.
    mutating func set(_ time: Timestamp?) {
        guard let time, time.milliseconds != 0, Timestamp.storable.contains(time) else { return }
        hasTime = true
        builder.setTime(time)
    }

    /// Sets an id that the sender has for what happened, if an event may have it.
    mutating func setID(_ text: String) {
        if EventRules.isID(text) { id = text }
    }

    /// Adds the event to `batch`.
    ///
    /// - Parameters:
    ///   - metadata: the record with all that has no field.
    ///   - content: the record as it was sent. Without a sender's id, an id is made of it, if there
    ///     is a time: a record without one that is sent again is another event.
    mutating func add(
        to batch: SenderBatch, metadata: SenderMetadata,
        content: @autoclosure () -> UnsafeRawBufferPointer
    ) {
        if id == nil, hasTime { id = contentID(content(), batch) }
        if let id { builder.set(.id, id) }
        if !hasCluster { set(.cluster, options.cluster) }
        do throws(JSONError) {
            if try set(metadata.json(source: format, truncated: truncated)) != nil {
                noteCut(.metadata)
                if let error = try set(metadata.shortJSON(source: format, truncated: truncated)) {
                    builder.report(error)
                }
            }
        } catch {
            builder.report(
                FieldError(pointer: "/metadata", detail: "is not valid JSON: \(error.message)"))
        }
        batch.add(Ingested(builder.finish(now: batch.now)), isCut: !truncated.isEmpty)
    }

    private mutating func set(_ metadata: [UInt8]) throws(JSONError) -> FieldError? {
        try metadata.span.withUnsafeBytes { bytes throws(JSONError) in
            try builder.setMetadata(bytes)
        }
    }

    /// The first 128 bits of a hash, for ids.
    static func hash(_ bytes: [UInt8]) -> String {
        digits(bytes.withUnsafeBytes(SHA256Digest.of))
    }

    private static func digits(_ hash: [UInt8]) -> String {
        hash.prefix(16).hexadecimal
    }

    /// The same for a record that is sent again, and another for its equals in one request.
    private func contentID(_ content: UnsafeRawBufferPointer, _ batch: SenderBatch) -> String {
        let hash = SHA256Digest.of(content)
        let number = batch.occurrence(
            ofContent: hash.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
        return "\(format):\(Self.digits(hash))" + (number > 1 ? ":\(number)" : "")
    }
}

/// The members of an event's metadata, in order.
struct SenderMetadata {
    private var members: [(name: String, json: [UInt8])] = []
    private var names: Set<String> = []

    /// The longest member that is kept of metadata that is too long, and the most of them.
    private static let shortBytes = 1024
    private static let mostShort = 16
    /// The most bytes that are repeated in each event of a request.
    private static let repeatableBytes = 16 * 1024

    func has(_ name: String) -> Bool { names.contains(name) }

    /// Appends a member whose value is valid JSON; one that is there already stays.
    mutating func append(_ name: String, json: [UInt8]) {
        if names.insert(name).inserted { members.append((name, json)) }
    }

    /// Appends a member whose value is a text.
    mutating func append(_ name: String, text: String) {
        var json: [UInt8] = []
        json.appendJSONString(text)
        append(name, json: json)
    }

    /// Appends the members of an object.
    mutating func append(
        _ object: OutermostMembers, except isOmitted: (JSONString) -> Bool = { _ in false }
    ) {
        for (key, value) in object.all where !isOmitted(key) {
            var json: [UInt8] = []
            value.appendCompact(to: &json)
            append(key.string, json: json)
        }
    }

    /// Appends what all records of a request share, as long as `batch` has room for it.
    mutating func append(shared: SenderMetadata, in batch: SenderBatch) {
        guard batch.takeRoom(forRepeated: shared.byteCount) else {
            return append("shared_truncated", json: Array("true".utf8))
        }
        append(shared)
    }

    /// Appends the members of other metadata.
    mutating func append(_ shared: SenderMetadata) {
        for (name, json) in shared.members { append(name, json: json) }
    }

    private var byteCount: Int {
        members.reduce(2) { $0 + $1.name.utf8.count + $1.json.count + 4 }
    }

    /// The same, if it is short enough to be repeated in each event of a request; otherwise its
    /// short members, marked.
    var repeatable: SenderMetadata {
        guard byteCount > Self.repeatableBytes else { return self }
        var copy = short
        copy.append("shared_truncated", json: Array("true".utf8))
        return copy
    }

    /// The members that are short, and neither object nor array.
    private var short: SenderMetadata {
        var copy = SenderMetadata()
        let kept = members.lazy.filter { member in
            member.json.count + member.name.utf8.count <= Self.shortBytes
                && member.json.first != UInt8(ascii: "{")
                && member.json.first != UInt8(ascii: "[")
        }
        for (name, json) in kept.prefix(Self.mostShort) { copy.append(name, json: json) }
        return copy
    }

    /// The object, with the name of the format as `source`, unless the sender has such a member.
    func json(source: String, truncated: [String]) -> [UInt8] {
        var copy = self
        copy.append("source", text: source)
        if !truncated.isEmpty {
            let names = truncated.map { "\"\($0)\"" }.joined(separator: ",")
            copy.append(
                has("truncated") ? "logbook.truncated" : "truncated", json: Array("[\(names)]".utf8)
            )
        }
        return copy.json
    }

    /// The object.
    var json: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(byteCount)
        var separator: StaticString = "{"
        for (name, json) in members {
            output.append(separator)
            separator = ","
            output.appendJSONString(name)
            output.append(":")
            output.append(contentsOf: json)
        }
        output.append("}")
        return output
    }

    /// The same with short scalars alone, for what is too long or nested too deep.
    func shortJSON(source: String, truncated: [String]) -> [UInt8] {
        short.json(source: source, truncated: truncated)
    }
}

extension Severity {
    /// The severity that a sender means by a word such as `WARN` or `emerg`; nil if it is none.
    init?(word: String) {
        switch word.lowercased() {
        case "critical", "crit", "fatal", "emergency", "emerg", "alert", "panic", "page":
            self = .critical
        case "error", "err", "major", "severe": self = .error
        case "warning", "warn", "minor": self = .warning
        case "info", "information", "informational", "notice", "debug", "trace", "verbose", "none",
            "normal", "ok":
            self = .info
        default: return nil
        }
    }

    /// The severity of OpenTelemetry's number, from 1 to 24; nil for any other
    /// (https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber).
    init?(number: Int) {
        switch number {
        case 1...12: self = .info
        case 13...16: self = .warning
        case 17...20: self = .error
        case 21...24: self = .critical
        default: return nil
        }
    }

    /// The severity of a level: a word, a number of syslog from 0 to 7 (RFC 5424, 6.2.1), or one of
    /// pino and bunyan from 10 to 60.
    init?(sent level: String) {
        switch Int(level) {
        case 0, 1, 2, 60: self = .critical
        case 3, 50: self = .error
        case 4, 40: self = .warning
        case 5, 6, 7, 10, 20, 30: self = .info
        case nil: self.init(word: level)
        default: return nil
        }
    }
}

extension Timestamp {
    /// The time this many nanoseconds after 1970; further digits are cut.
    init?(nanoseconds: UInt64) {
        self.init(milliseconds: Int64(nanoseconds / 1_000_000))
    }

    /// The time in a text or a number of a sender: RFC 3339, the same with a blank for the `T` or
    /// without an offset, which is then UTC; or seconds, milliseconds, microseconds or nanoseconds
    /// since 1970, told by their size. Further digits are cut.
    init?(sent text: String) {
        let bytes = Array(text.utf8)
        if let time = Timestamp(rfc3339: bytes) {
            self = time
            return
        }
        if bytes.count >= 19, bytes[4] == UInt8(ascii: "-") {
            var copy = bytes
            if copy[10] == UInt8(ascii: " ") { copy[10] = UInt8(ascii: "T") }
            guard let time = Timestamp(rfc3339: copy) ?? Timestamp(rfc3339: copy + [0x5A]) else {
                return nil
            }
            self = time
            return
        }
        self.init(sinceEpoch: bytes)
    }

    private init?(sinceEpoch text: [UInt8]) {
        let parts = text.split(
            separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts[0].count <= 19, let whole = UInt64(String(decoding: parts[0], as: UTF8.self))
        else { return nil }
        switch whole {
        case ..<100_000_000_000:
            let fraction = parts.count > 1 ? Array(parts[1]) : []
            guard fraction.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
            let digits = (0..<3).reduce(0) { value, place in
                value * 10 + (place < fraction.count ? Int64(fraction[place] - 0x30) : 0)
            }
            self.init(milliseconds: Int64(whole) * 1000 + digits)
        case ..<100_000_000_000_000: self.init(milliseconds: Int64(whole))
        case ..<100_000_000_000_000_000: self.init(milliseconds: Int64(whole / 1000))
        default: self.init(milliseconds: Int64(whole / 1_000_000))
        }
    }
}

extension OutermostMembers {
    /// The members of the object `name`; nil if it is none.
    func object(_ name: StaticString) -> OutermostMembers? {
        guard let slice = self[name], slice.isObject else { return nil }
        return slice.members
    }

    /// A string, a number or a boolean as text; nil for anything else.
    func scalar(_ name: StaticString) -> String? {
        guard let slice = self[name] else { return nil }
        if slice.raw.first == UInt8(ascii: "\"") { return string(name) }
        guard !slice.isObject, !slice.isArray, !slice.isNull else { return nil }
        return String(decoding: slice.raw, as: UTF8.self)
    }

    /// A time as RFC 3339.
    func time(_ name: StaticString) -> Timestamp? {
        string(name).flatMap { Timestamp(rfc3339: $0.utf8) }
    }
}

extension JSONSlice {
    /// The members of an object that was read before.
    var members: OutermostMembers {
        var reader = JSONReader(raw)
        do throws(JSONError) { return try OutermostMembers(&reader) } catch {
            preconditionFailure("what was read as JSON is JSON")
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The first byte that is not white space of JSON.
    var firstSign: UInt8? { first { !$0.isJSONWhitespace } }
}

/// JSON of other programs. In their texts U+FFFD replaces what is not Unicode.
enum SenderJSON {
    /// Calls `body` with the value of `bytes`, all of which are valid JSON.
    ///
    /// - Throws: if they are not JSON.
    static func read<Result>(
        _ bytes: UnsafeRawBufferPointer, _ body: (JSONSlice) -> Result
    ) throws(JSONError) -> Result {
        do throws(JSONError) { return body(try whole(bytes)) } catch {
            guard let repaired = TextRepair.repaired(bytes) else { throw error }
            return try repaired.span.withUnsafeBytes { bytes throws(JSONError) in
                body(try whole(bytes))
            }
        }
    }

    /// The same for the body of a request.
    static func readBody<Result>(
        _ bytes: UnsafeRawBufferPointer, _ body: (JSONSlice) -> Result
    ) throws(SenderFailure) -> Result {
        guard bytes.firstSign != nil else {
            throw SenderFailure(.malformed, "The body is empty.")
        }
        do throws(JSONError) { return try read(bytes, body) } catch {
            throw SenderFailure(.malformed, "The body is not valid JSON: \(error).")
        }
    }

    private static func whole(_ bytes: UnsafeRawBufferPointer) throws(JSONError) -> JSONSlice {
        var reader = JSONReader(bytes)
        let value = try reader.skipValue()
        try reader.expectEnd()
        return value
    }

    /// Calls `body` for each element of an array that was read before.
    static func forEach(in array: JSONSlice, _ body: (JSONSlice) -> Void) {
        var reader = JSONReader(array.raw)
        do throws(JSONError) {
            try reader.beginArray()
            while try reader.nextElement() { body(try reader.skipValue()) }
        } catch {
            preconditionFailure("what was read as JSON is JSON")
        }
    }
}
