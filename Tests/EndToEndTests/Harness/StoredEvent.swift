/// An event in an answer, without its metadata, whose bytes tests compare.
struct StoredEvent: Decodable, Equatable, Sendable {
    let id: String
    let eventType: String
    let severity: String
    let title: String
    let description: String?
    let objectKind: String?
    let objectNamespace: String?
    let objectName: String?
    let createdAt: String
    let seq: Int

    enum CodingKeys: String, CodingKey {
        case id, severity, title, description, seq
        case eventType = "event_type"
        case objectKind = "object_kind"
        case objectNamespace = "object_namespace"
        case objectName = "object_name"
        case createdAt = "created_at"
    }

    /// The fields of the contract in order; a response has all of them.
    static let fieldNames = [
        "id", "event_type", "severity", "title", "description", "object_kind", "object_namespace",
        "object_name", "metadata", "created_at", "cluster", "reason", "occurrences", "received_at",
        "fold_key", "seq",
    ]
}
