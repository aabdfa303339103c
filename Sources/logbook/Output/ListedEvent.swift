import Events
import JSON

/// An event from an answer or a file: its JSON and the texts of its fields.
struct ListedEvent {
    /// The JSON as received.
    let json: [UInt8]
    /// Texts by `EventField`. Metadata and numbers are JSON; nil is null.
    private var texts = [String?](repeating: nil, count: EventField.allCases.count)

    /// Reads `json`; ignores fields that a later version adds.
    init(_ json: UnsafeRawBufferPointer) throws(ClientError) {
        self.json = Array(json)
        var reader = JSONReader(json)
        do throws(JSONError) {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                let field = EventField.allCases.first { key.equals($0.name) }
                switch (field, try reader.peekKind()) {
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

    /// The text of `field`; nil for null.
    subscript(field: EventField) -> String? { texts[field.rawValue] }

    /// The event's seq; 0 if there is none.
    var seq: Int { self[.seq].flatMap { Int($0) } ?? 0 }

    /// The object of the event: `Kind namespace/name`; empty if there is none.
    var object: String {
        let name = [self[.objectNamespace], self[.objectName]].compactMap(\.self)
        return [self[.objectKind], name.isEmpty ? nil : name.joined(separator: "/")]
            .compactMap(\.self).joined(separator: " ")
    }
}
