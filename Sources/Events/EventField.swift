/// The fields of an event, in the order of the contract.
public enum EventField: Int, CaseIterable, Sendable {
    case id, eventType, severity, title, description, objectKind, objectNamespace, objectName,
        metadata, createdAt, cluster, reason
    case occurrences, receivedAt, foldKey, seq

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
        case .receivedAt: "received_at"
        case .foldKey: "fold_key"
        case .seq: "seq"
        }
    }

    /// The fields with text values; the others are numbers.
    public static let texts = allCases.filter { $0.rawValue <= EventField.reason.rawValue }

    /// The fields that queries can filter by value.
    public static let filterable: [EventField] = [
        .eventType, .severity, .objectKind, .objectNamespace, .objectName, .cluster, .reason,
    ]

    /// True if the store sets the value and no sender does.
    public var isGivenByStore: Bool { rawValue >= EventField.receivedAt.rawValue }

    /// True if an event may have no value.
    var isNullable: Bool {
        switch self {
        case .description, .objectKind, .objectNamespace, .objectName, .metadata, .cluster, .reason:
            true
        default: false
        }
    }
}
