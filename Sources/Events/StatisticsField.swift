/// A field, or a combination of fields, whose values statistics count.
public enum StatisticsField: Hashable, Sendable {
    /// A field of the event.
    case field(EventField)
    /// Kind, namespace and name as one: `Pod/shop/web-0`, with nothing for null, and a backslash
    /// before a `/` or `\` in one of them.
    case object

    /// All fields, in the order of messages.
    public static let all = EventField.filterable.map(StatisticsField.field) + [.object]

    /// The name in queries and answers.
    public var name: String {
        switch self {
        case .field(let field): String(describing: field.name)
        case .object: "object"
        }
    }

    /// The fields that make up the values.
    public var fields: [EventField] {
        switch self {
        case .field(let field): [field]
        case .object: [.objectKind, .objectNamespace, .objectName]
        }
    }

    /// Lends the value made from `fields`, given one by one; nil for null.
    public func withValue<Result>(
        of part: (_ place: Int) -> UnsafeRawBufferPointer?,
        _ body: (UnsafeRawBufferPointer?) -> Result
    ) -> Result {
        guard case .object = self else { return body(part(0)) }
        let parts = [part(0), part(1), part(2)]
        guard parts.contains(where: { $0 != nil }) else { return body(nil) }
        var text: [UInt8] = []
        for (place, part) in parts.enumerated() {
            if place > 0 { text.append(UInt8(ascii: "/")) }
            for byte in part ?? UnsafeRawBufferPointer(start: nil, count: 0) {
                if byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\") {
                    text.append(UInt8(ascii: "\\"))
                }
                text.append(byte)
            }
        }
        return text.withUnsafeBytes(body)
    }
}
