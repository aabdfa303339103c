/// The event of a program that uses Foundation's coders. The time stays text, because a Date would
/// cost them more.
struct CodableEvent: Codable {
    var id: String
    var eventType: String
    var severity: String
    var title: String
    var description: String?
    var objectKind: String?
    var objectNamespace: String?
    var objectName: String?
    var metadata: AnyJSON?
    var createdAt: String
    var seq: Int?

    enum CodingKeys: String, CodingKey {
        case id, severity, title, description, metadata, seq
        case eventType = "event_type"
        case objectKind = "object_kind"
        case objectNamespace = "object_namespace"
        case objectName = "object_name"
        case createdAt = "created_at"
    }
}

/// Metadata: any JSON.
enum AnyJSON: Codable {
    case object([String: AnyJSON])
    case array([AnyJSON])
    case string(String)
    case number(Double)
    case bool(Bool)
    case null

    init(from decoder: any Decoder) throws {
        // The most frequent kinds first, because each miss costs a throw.
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let text = try? container.decode(String.self) {
            self = .string(text)
        } else if let members = try? container.decode([String: AnyJSON].self) {
            self = .object(members)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else {
            self = .array(try container.decode([AnyJSON].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .object(let members): try container.encode(members)
        case .array(let elements): try container.encode(elements)
        case .string(let text): try container.encode(text)
        case .number(let number): try container.encode(number)
        case .bool(let value): try container.encode(value)
        case .null: try container.encodeNil()
        }
    }
}
