import CLinux
import EventStore
import Events
import Ingest
import JSON

/// The events that a client of Kubernetes' API asks for, and the form of each.
struct KubernetesSelection: Hashable, Sendable {
    let group: KubernetesPath.Group
    /// The namespace of the events themselves; nil for all.
    let namespace: String?
    let selector: KubernetesFieldSelector
    /// The table whose rows they are; nil for objects.
    let table: KubernetesTable?

    /// The object of an event; nil if it is not selected.
    func object(_ event: EventView, epoch: Int64?) -> KubernetesObject? {
        let version = Self.version(StreamPosition(epoch: epoch, seq: event.seq))
        let object = KubernetesObject(event, version: version)
        if let namespace {
            let own = object.scalar("metadata", "namespace") ?? ""
            guard own == namespace else { return nil }
        }
        return selector.admits(object) ? object : nil
    }

    /// The filters of `GET /events` that admit all that it selects.
    var filters: [(name: String, value: String)] {
        var filters = selector.filters
        // Events about objects without a namespace are in the default one.
        if let namespace, namespace != KubernetesObject.defaultNamespace,
            KubernetesFieldSelector.isPlain(namespace),
            !filters.contains(where: { $0.name == "object_namespace" })
        {
            filters.append(("object_namespace", namespace))
        }
        return filters
    }

    /// Appends an item of a list: a row, or an object.
    func append(_ object: KubernetesObject, to output: inout [UInt8]) {
        if let table { return table.appendRow(object, group, now: Self.now, to: &output) }
        var object = object
        if group == .events { object.becomeOfEventsGroup() }
        object.append(to: &output)
    }

    private static var now: Timestamp {
        Timestamp(clamping: clinux_realtime_milliseconds())
    }

    // MARK: Versions

    /// Above a seq, which has at most 52 bits.
    private static let epochShift: Int64 = 53

    /// A `resourceVersion`: the seq, below the number of later epochs.
    static func version(_ position: StreamPosition) -> String {
        "\(max(0, (position.epoch ?? 1) - 1) << epochShift | position.seq)"
    }

    /// Reads a `resourceVersion`; nil if it is none. A store without epochs ignores the epoch.
    static func position(_ version: String) -> StreamPosition? {
        guard let number = Int64(version), number >= 0 else { return nil }
        return StreamPosition(epoch: number >> epochShift + 1, seq: number & (1 << epochShift - 1))
    }
}

/// The lines of a watch: https://kubernetes.io/docs/reference/using-api/api-concepts/
struct KubernetesWatch: Hashable, Sendable {
    let selection: KubernetesSelection
    let sendsBookmarks: Bool

    static let contentType: StaticString = "application/json"

    /// Appends a line for an event, if it is selected.
    func append(_ event: EventView, epoch: Int64?, to output: inout [UInt8]) {
        guard let object = selection.object(event, epoch: epoch) else { return }
        let count = object.scalar("series", "count") ?? object.scalar("count") ?? "1"
        append(object, isNew: count == "1" || count == "0", to: &output)
    }

    /// Appends a line for an object.
    func append(_ object: KubernetesObject, isNew: Bool, to output: inout [UInt8]) {
        output.append(
            isNew ? "{\"type\":\"ADDED\",\"object\":" : "{\"type\":\"MODIFIED\",\"object\":")
        selection.table?.appendStart(to: &output)
        selection.append(object, to: &output)
        if selection.table != nil {
            output.append("],\"metadata\":{\"resourceVersion\":")
            output.appendJSONString(object.scalar("metadata", "resourceVersion") ?? "")
            output.append("}}")
        }
        output.append("}\n")
    }

    /// Appends the position that the client may resume at.
    func appendBookmark(_ position: StreamPosition, to output: inout [UInt8]) {
        guard sendsBookmarks else { return }
        let version = KubernetesSelection.version(position)
        let apiVersion = selection.group == .core ? "v1" : "events.k8s.io/v1"
        output +=
            "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Event\",\"apiVersion\":\"\(apiVersion)\",\"metadata\":{\"resourceVersion\":\"\(version)\",\"creationTimestamp\":null}}}\n"
            .utf8
    }

    /// Appends the error after which a client lists again.
    func appendExpired(to output: inout [UInt8]) {
        output.append("{\"type\":\"ERROR\",\"object\":")
        KubernetesStatus.expired.append(to: &output)
        output.append("}\n")
    }
}
