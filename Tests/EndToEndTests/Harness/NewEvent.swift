import Foundation

/// An event to store. Fields that are nil are left out.
struct NewEvent: Codable, Equatable, Sendable {
    var id: String?
    var eventType = "cluster"
    var severity = "info"
    var title = "Node ready"
    var description: String?
    var objectKind: String?
    var objectNamespace: String?
    var objectName: String?
    var createdAt: String?

    enum CodingKeys: String, CodingKey {
        case id, severity, title, description
        case eventType = "event_type"
        case objectKind = "object_kind"
        case objectNamespace = "object_namespace"
        case objectName = "object_name"
        case createdAt = "created_at"
    }

    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        do {
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        } catch {
            preconditionFailure("strings alone can always be encoded: \(error)")
        }
    }
}
