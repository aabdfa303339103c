/// The fields of an event that a sender may give, in the order of the contract.
public enum EventField: Int, CaseIterable, Sendable {
    case id, eventType, severity, title, description, objectKind, objectNamespace, objectName,
        metadata
    case createdAt
    case cluster, reason, occurrences

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
        case .cluster: "cluster"
        case .reason: "reason"
        case .occurrences: "occurrences"
        }
    }

    /// The fields that are in the contract so far: the others are stored alone.
    public static let contract = allCases.filter { $0.rawValue <= Self.createdAt.rawValue }

    /// The fields that queries filter by equality.
    public static let filterable: [EventField] = [
        .eventType, .severity, .objectKind, .objectNamespace, .objectName,
    ]
}
