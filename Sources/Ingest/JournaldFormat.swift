import Events
import JSON

extension SenderFormat {
    /// The journal of systemd, in its export format and in JSON.
    static let journald = SenderFormat(
        name: JournaldReader.name,
        summary: "systemd's journal: systemd-journal-upload, journalctl -o json",
        routes: [SenderRoute(.post, "/upload"), SenderRoute(.post, "/ingest/journald")],
        contentTypes: ["application/vnd.fdo.journal", "application/json"],
        example: """
            __CURSOR=s=8e5f;i=1a;b=d02b;m=5e1;t=65b2f5d1e3c2a;x=c9a1
            __REALTIME_TIMESTAMP=1796006187500000
            PRIORITY=3
            SYSLOG_IDENTIFIER=kernel
            _HOSTNAME=n1
            MESSAGE=Out of memory: Killed process 4711 (java)


            """,
        configuration: """
            # /etc/systemd/journal-upload.conf
            [Upload]
            URL=LOGBOOK
            """,
        answers: SenderAnswers(
            stored: "200 and a summary: accepted, duplicates, rejected, left_out, errors",
            partlyRefused: "200 and the summary, with the reason for each entry in errors",
            refused: "400, 415 or 422 and a problem; journal-upload ends with an error",
            unavailable: "503; journal-upload ends, and its unit starts it again from its cursor",
            tooLarge: "200: a body has no limit, and what is too long in an entry is cut"),
        isStream: true,
        reader: JournaldReader.self)
}

/// Reads entries of the journal. The id of an entry is a hash of its cursor.
struct JournaldReader: SenderReader {
    static let name = "journald"

    private var hasBegun = false
    /// nil for the export format.
    private var items: SenderItems?
    private var scanner = JournalScanner()

    init(_ request: SenderRequest) {}

    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure) {
        var bytes = bytes
        if !hasBegun {
            guard let first = bytes.firstSign else {
                guard !isLast else { throw SenderFailure(.malformed, "The body is empty.") }
                return
            }
            hasBegun = true
            // White space before it may have come in a piece of its own.
            bytes = UnsafeRawBufferPointer(rebasing: bytes.drop(while: \.isJSONWhitespace))
            switch first {
            case UInt8(ascii: "{"), UInt8(ascii: "["): items = SenderItems("entry")
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): break
            default:
                throw SenderFailure(
                    .unsupported,
                    "The body is neither the Journal Export Format nor the JSON of journalctl.")
            }
        }
        guard items == nil else {
            try items?.read(bytes, isLast: isLast, batch) { Self.add($0, to: batch) }
            return
        }
        try scanner.read(bytes) { Self.add($0, to: batch) }
        if isLast, scanner.isInEntry { batch.reject("the entry breaks off", .malformed) }
    }

    // MARK: The export format

    private static func add(_ entry: JournalScanner.Entry, to batch: SenderBatch) {
        guard !entry.isInvalid else {
            return batch.reject("a line of the entry is no field", .malformed)
        }
        var event = event(batch) { name in
            entry.value(name).map { String(decoding: $0, as: UTF8.self) }
        }
        if entry.isCut { event.noteCut(.metadata) }
        var values: [String: [[UInt8]]] = [:]
        var names: [String] = []
        for field in entry.fields {
            if values[field.name] == nil { names.append(field.name) }
            values[field.name, default: []].append(field.value)
        }
        var metadata = SenderMetadata()
        for name in names where name != "MESSAGE" || !isWhole(entry.value("MESSAGE")) {
            metadata.append(name, json: json(values[name] ?? []))
        }
        var content: [UInt8] = []
        for field in entry.fields {
            content.append(contentsOf: field.name.utf8)
            content.append(0)
            content.append(contentsOf: field.value)
            content.append(0)
        }
        content.withUnsafeBytes { content in
            event.add(to: batch, metadata: metadata, content: content)
        }
    }

    private static func isWhole(_ message: [UInt8]?) -> Bool {
        guard let message else { return false }
        return message.count <= EventRules.descriptionBytes
            && String(validating: message, as: UTF8.self) != nil
    }

    /// The values of a field as journalctl writes them in JSON: a text, or an array of the bytes of
    /// what is none; several ones in an array.
    private static func json(_ values: [[UInt8]]) -> [UInt8] {
        var output: [UInt8] = []
        func append(_ value: [UInt8], _ output: inout [UInt8]) {
            if let text = String(validating: value, as: UTF8.self) {
                output.appendJSONString(text)
            } else {
                output.appendJSONArray(of: value) { $1.appendInteger(Int($0)) }
            }
        }
        if values.count == 1 {
            append(values[0], &output)
        } else {
            output.appendJSONArray(of: values, append)
        }
        return output
    }

    // MARK: JSON

    private static func add(_ value: JSONSlice, to batch: SenderBatch) {
        guard value.isObject else { return batch.reject("an entry must be an object") }
        let members = value.members
        var event = event(batch) { text(members, $0) }
        let message = members.string("MESSAGE")
        var metadata = SenderMetadata()
        metadata.append(members) { key in
            key.equals("MESSAGE") && message.map { isWhole(Array($0.utf8)) } == true
        }
        event.add(to: batch, metadata: metadata, content: members.raw)
    }

    /// A field's text: a string, the first of several, or what an array of bytes says.
    private static func text(_ members: OutermostMembers, _ name: StaticString) -> String? {
        if let text = members.scalar(name) { return text }
        guard let array = members[name], array.isArray else { return nil }
        var first: String?
        var bytes: [UInt8] = []
        SenderJSON.forEach(in: array) { element in
            if let byte = UInt8(String(decoding: element.raw, as: UTF8.self)) {
                bytes.append(byte)
            } else if first == nil {
                first = element.string
            }
        }
        return first ?? (bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self))
    }

    // MARK: Both

    /// The event of an entry whose fields `text` gives.
    private static func event(
        _ batch: SenderBatch, _ text: (StaticString) -> String?
    ) -> SenderEvent {
        let message = text("MESSAGE")
        let program = text("SYSLOG_IDENTIFIER") ?? text("_COMM")
        var event = SenderEvent(name, batch.options)
        event.setType("system")
        event.set(text("PRIORITY").flatMap(Severity.init(sent:)) ?? .info)
        event.setTitle(message, program, "Journal entry")
        event.set(.description, message)
        event.set(.reason, program)
        event.setObject(kind: "Host", namespace: nil, name: text("_HOSTNAME"))
        event.set(
            text("__REALTIME_TIMESTAMP").flatMap { Int64($0) }
                .flatMap { Timestamp(milliseconds: $0 / 1000) })
        if let cursor = text("__CURSOR"), !cursor.isEmpty {
            event.setID("journald:\(SenderEvent.hash(Array(cursor.utf8)))")
        }
        return event
    }
}
