public import Events
public import JSON
import System

/// Reads Event objects of Kubernetes, of core/v1 and of events.k8s.io/v1: both give the same event,
/// byte for byte (docs/api.md).
public enum KubernetesEvent {
    /// Reads the next Event object in `reader`.
    ///
    /// - Parameters:
    ///   - now: the time of an event without one.
    ///   - cluster: the name of the cluster, if the object does not have it.
    ///   - redaction: the values removed from its metadata.
    /// - Throws: if the text is not JSON, a duplicate key included.
    public static func decode(
        _ reader: inout JSONReader, now: Timestamp, cluster: String?, redaction: Redaction?
    ) throws(JSONError) -> EventDecoder.Decoded {
        guard try reader.peekKind() == .object else {
            _ = try reader.skipValue()
            return .invalid([FieldError(pointer: "", detail: "must be a Kubernetes Event object")])
        }
        let object = try KubernetesObject(&reader)
        if let kind = object.scalar("kind"), kind != "Event" {
            let error = "must be Event, not \(EventRules.quoted(kind.utf8))"
            return .invalid([FieldError(pointer: "/kind", detail: error)])
        }
        guard object.isObject("metadata") else {
            let error = "must be an object, as every Kubernetes Event has it"
            return .invalid([FieldError(pointer: "/metadata", detail: error)])
        }
        return try event(object, now: now, cluster: cluster, redaction: redaction)
    }

    private static func event(
        _ object: KubernetesObject, now: Timestamp, cluster: String?, redaction: Redaction?
    ) throws(JSONError) -> EventDecoder.Decoded {
        var builder = EventBuilder(redaction: redaction)
        var truncated: [String] = []
        func set(_ field: EventField, _ text: String?) {
            guard let text, !text.isEmpty else { return }
            let cut = text.cut(to: field)
            if cut.utf8.count < text.utf8.count { truncated.append("\(field.name)") }
            builder.set(field, cut)
        }

        let reason = object.scalar("reason")?.trimmed ?? ""
        let message = object.scalar("message") ?? ""
        let time = latestOccurrence(object)
        builder.yieldToStored()
        builder.set(.eventType, "cluster")
        builder.set(
            .severity,
            KubernetesSeverity.severity(type: object.scalar("type") ?? "", reason: reason).rawValue)
        builder.set(.title, title(object, reason, message).cut(to: .title))
        set(.description, message)
        set(.objectKind, object.scalar("involvedObject", "kind"))
        set(.objectNamespace, object.scalar("involvedObject", "namespace"))
        set(.objectName, object.scalar("involvedObject", "name"))
        set(.reason, reason)
        set(.cluster, object.scalar("clusterName") ?? cluster)
        if let time { builder.setTime(time) }
        if let id = id(object, hasTime: time != nil) { builder.set(.id, id) }

        let whole = object.json(truncated: truncated)
        if try builder.setMetadata(whole) != nil {
            let rest = object.essentialJSON(truncated: truncated + ["metadata"])
            if let error = try builder.setMetadata(rest) { builder.report(error) }
        }
        return builder.finish(now: now)
    }

    private static func title(
        _ object: KubernetesObject, _ reason: String, _ message: String
    ) -> String {
        let parts = [reason, message.firstLine].filter { !$0.isEmpty }
        guard parts.isEmpty else { return parts.joined(separator: ": ") }
        let name = object.scalar("metadata", "name")?.trimmed ?? ""
        return name.isEmpty ? "Kubernetes event" : name
    }

    /// The time of the latest occurrence that this revision reports; nil if it has none.
    ///
    /// That is the latest of the times with this meaning, not the first one present: `eventTime`
    /// stays at the first occurrence while `lastTimestamp` moves, and if both mean the same
    /// occurrence, `eventTime` has the fraction.
    private static func latestOccurrence(_ object: KubernetesObject) -> Timestamp? {
        let seen = [
            object.scalar("series", "lastObservedTime"), object.scalar("eventTime"),
            object.scalar("lastTimestamp"),
        ]
        return seen.compactMap(time).max() ?? time(object.scalar("firstTimestamp"))
            ?? time(object.scalar("metadata", "creationTimestamp"))
    }

    /// No time is null, "null", "", Go's year 1 and 1970-01-01T00:00:00Z.
    private static func time(_ text: String?) -> Timestamp? {
        guard let text, let time = Timestamp(rfc3339: text.utf8), time.milliseconds != 0,
            Timestamp.storable.contains(time)
        else { return nil }
        return time
    }

    /// The id, the same for this revision on every way in; nil if nothing identifies it.
    private static func id(_ object: KubernetesObject, hasTime: Bool) -> String? {
        let uid = object.scalar("metadata", "uid") ?? ""
        let version = object.scalar("metadata", "resourceVersion") ?? ""
        if !uid.isEmpty {
            let version =
                version.isEmpty ? "sha256-" + hash(object.contentJSON).prefix(32) : version
            let id = "k8s:core:\(uid):\(version)"
            if EventRules.isID(id) { return id }
        }
        return hasTime || !uid.isEmpty ? "k8s:sha256:\(hash(object.json()))" : nil
    }

    private static func hash(_ json: [UInt8]) -> String {
        json.withUnsafeBytes(SHA256Digest.of).hexadecimal
    }
}

extension KubernetesObject {
    /// Everything that the event tells: all but the object's own metadata.
    fileprivate var contentJSON: [UInt8] { json(omitting: "metadata") }
}

extension EventBuilder {
    fileprivate mutating func setMetadata(_ json: [UInt8]) throws(JSONError) -> FieldError? {
        try json.span.withUnsafeBytes { bytes throws(JSONError) in try setMetadata(bytes) }
    }
}
