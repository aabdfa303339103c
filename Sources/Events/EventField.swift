/// The fields of an event but `seq`, in the order of the contract and of the table's columns.
public enum EventField: Int, CaseIterable, Sendable {
    case id, eventType, severity, title, description, objectKind, objectNamespace, objectName,
        metadata
    case createdAt

    /// The name in JSON, in queries and in the database.
    public var name: StaticString {
        switch self {
        case .id: "id"
        case .eventType: "event_type"
        case .severity: "severity"
        case .title: "title"
        case .description: "description"
        case .objectKind: "object_kind"
        case .objectNamespace: "object_namespace"
        case .objectName: "object_name"
        case .metadata: "metadata"
        case .createdAt: "created_at"
        }
    }

    /// The fields that queries filter by equality.
    public static let filterable: [EventField] = [
        .eventType, .severity, .objectKind, .objectNamespace, .objectName,
    ]
}
