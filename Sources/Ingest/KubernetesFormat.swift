import Events
import JSON

/// The format of Kubernetes' own tools and of exporters: an Event, a list, the lines of a watch.
enum KubernetesFormat: EventFormat {
    /// Only an Event object has one of these.
    private static let telling: [StaticString] = [
        "involvedObject", "regarding", "firstTimestamp", "deprecatedFirstTimestamp",
        "reportingComponent", "reportingController",
    ]

    static func recognizes(_ members: OutermostMembers) -> Bool {
        isList(members) || isWatchLine(members) || members.string("kind") != nil
            // Items of a list, and objects from exporters, have neither kind nor apiVersion.
            || members.has("metadata") && telling.contains(where: members.has)
    }

    /// True for an Event, as it is or in the line of a watch, told by more than its kind: other
    /// programs' records may have one.
    static func isEvent(_ members: OutermostMembers) -> Bool {
        if isWatchLine(members), let object = members["object"] { return isEvent(object.members) }
        return members.has("metadata")
            && (members.string("kind") == "Event" || telling.contains(where: members.has))
    }

    private static func isList(_ members: OutermostMembers) -> Bool {
        if let items = members["items"], items.isArray || items.isNull { return true }
        return members.string("kind") == "EventList"
    }

    private static func isWatchLine(_ members: OutermostMembers) -> Bool {
        members.has("type") && members["object"]?.isObject == true
    }

    static func read(
        _ members: OutermostMembers, now: Timestamp, _ options: IngestOptions,
        _ take: (Ingested) -> Void
    ) throws(JSONError) -> Bool {
        if isList(members) {
            guard !options.isInList else {
                take(.invalid([FieldError(pointer: "", detail: "must be an Event, not a list")]))
                return false
            }
            guard let items = members["items"], items.isArray else { return true }
            var itemOptions = options
            itemOptions.isInList = true
            var reader = JSONReader(items.raw)
            try reader.beginArray()
            while try reader.nextElement() {
                try EventFormats.read(&reader, now: now, itemOptions, take)
            }
            return true
        }
        guard isWatchLine(members), let object = members["object"] else {
            take(try event(members.raw, now: now, options))
            return false
        }
        switch members.string("type") {
        case "BOOKMARK", "DELETED": take(.nothing)
        case "ERROR": take(.invalid([try watchError(object)]))
        default: take(try event(object.raw, now: now, options))
        }
        return false
    }

    private static func event(
        _ json: UnsafeRawBufferPointer, now: Timestamp, _ options: IngestOptions
    ) throws(JSONError) -> Ingested {
        var reader = JSONReader(json)
        return Ingested(
            try KubernetesEvent.decode(
                &reader, now: now, cluster: options.cluster, redaction: options.redaction))
    }

    private static func watchError(_ status: JSONSlice) throws(JSONError) -> FieldError {
        var reader = JSONReader(status.raw)
        let message = try OutermostMembers(&reader).string("message") ?? ""
        return FieldError(
            pointer: "/object",
            detail: "is an error of the API server: \(EventRules.quoted(message.utf8))")
    }
}
