import Events
import JSON

/// An event from an answer or a file: its JSON and the texts of its fields.
struct ListedEvent {
    /// The JSON as received.
    let json: [UInt8]
    /// Texts by `EventField`. Metadata and numbers are JSON; nil is null.
    private var texts = [String?](repeating: nil, count: EventField.allCases.count)
    /// The totals of the group that it represents in a folded list.
    private(set) var fold: Fold?

    /// The totals of a group.
    struct Fold {
        var occurrences: Int64 = 1
        var isAtLeast = false
    }

    /// Reads `json`; ignores fields that a later version adds.
    init(_ json: UnsafeRawBufferPointer) throws(ClientError) {
        self.json = Array(json)
        var reader = JSONReader(json)
        do throws(JSONError) {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                let field = EventField.allCases.first { key.equals($0.name) }
                switch (field, try reader.peekKind()) {
                case (nil, .object) where key.equals("fold"):
                    fold = try Self.readFold(&reader)
                case (let field?, .string):
                    texts[field.rawValue] = try reader.readString().string
                case (.metadata, .object), (.occurrences, .number), (.seq, .number):
                    texts[field!.rawValue] = String(
                        decoding: try reader.skipValue().raw, as: UTF8.self)
                default: _ = try reader.skipValue()
                }
            }
        } catch {
            throw .unusable("an event cannot be read: \(error)")
        }
    }

    private static func readFold(_ reader: inout JSONReader) throws(JSONError) -> Fold {
        var fold = Fold()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch try reader.peekKind() {
            case .number where key.equals("occurrences"):
                let number = try reader.skipValue().raw
                fold.occurrences = Int64(String(decoding: number, as: UTF8.self)) ?? 1
            case .bool where key.equals("at_least"):
                fold.isAtLeast = try reader.skipValue().raw.first == UInt8(ascii: "t")
            default: _ = try reader.skipValue()
            }
        }
        return fold
    }

    /// The text of `field`; nil for null.
    subscript(field: EventField) -> String? { texts[field.rawValue] }

    /// The event's seq; 0 if there is none.
    var seq: Int { self[.seq].flatMap { Int($0) } ?? 0 }

    /// The kind and name of the event's object, as `Kind/name`; empty if there is none.
    var object: String {
        [self[.objectKind], self[.objectName]].compactMap(\.self).joined(separator: "/")
    }

    /// The title without the reason before it, which a Kubernetes event's has.
    var message: String {
        let title = self[.title] ?? ""
        guard let reason = self[.reason], title.hasPrefix("\(reason): ") else { return title }
        return String(title.dropFirst(reason.count + 2))
    }

    /// The number of occurrences that it stands for.
    var count: String {
        fold.map { "\($0.occurrences)\($0.isAtLeast ? "+" : "")" } ?? self[.occurrences] ?? "1"
    }

    /// The program that reported a Kubernetes event; empty for others.
    var component: String {
        let metadata = Array((self[.metadata] ?? "").utf8)
        let named = [
            JSONMember.text("reportingComponent", in: metadata),
            JSONMember.text("source", "component", in: metadata),
        ]
        return named.compactMap(\.self).first { !$0.isEmpty } ?? ""
    }
}
