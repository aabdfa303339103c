import Events
import JSON

/// An event as an answer or a file has it: its JSON, and its fields' texts.
struct ListedEvent {
    /// The JSON, as it came.
    let json: [UInt8]
    /// By `EventField`; metadata and numbers are JSON. nil is null.
    private var texts = [String?](repeating: nil, count: EventField.allCases.count)

    /// Reads `json`; fields that a later version adds are passed over.
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

    /// The number that the store gave; 0 where there is none.
    var seq: Int { self[.seq].flatMap { Int($0) } ?? 0 }

    /// What it is about: `Kind namespace/name`; empty when it is about nothing.
    var object: String {
        let name = [self[.objectNamespace], self[.objectName]].compactMap(\.self)
        return [self[.objectKind], name.isEmpty ? nil : name.joined(separator: "/")]
            .compactMap(\.self).joined(separator: " ")
    }
}
