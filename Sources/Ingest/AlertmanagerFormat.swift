import Events
import JSON

extension SenderFormat {
    /// Alertmanager's webhook, version 4.
    static let alertmanager = SenderFormat(
        name: AlertmanagerReader.name,
        summary: "Prometheus' Alertmanager: an event for each alert, firing and resolved",
        routes: [SenderRoute(.post, "/ingest/alertmanager")],
        contentTypes: ["application/json"],
        example: """
            {"version":"4","status":"firing","receiver":"logbook","groupKey":"{}:{}","alerts":[{"status":"firing","labels":{"alertname":"PodCrash","severity":"critical","namespace":"shop","pod":"web-0"},"annotations":{"summary":"web-0 crashes"},"startsAt":"2026-11-30T02:36:27.123456789Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prometheus/graph","fingerprint":"c4e2d1a0b9f83c55"}]}
            """,
        configuration: """
            receivers:
              - name: logbook
                webhook_configs:
                  - url: LOGBOOK/ingest/alertmanager
                    send_resolved: true
                    http_config: {authorization: {credentials_file: /etc/alertmanager/logbook-token}}
            """,
        answers: SenderAnswers(
            stored: "200 and a summary: accepted, duplicates, rejected, left_out, errors",
            partlyRefused: "200 and the summary, with the reason for each alert in errors",
            refused: "400 or 422 and a problem; Alertmanager drops the notification and logs it"),
        reader: AlertmanagerReader.self)
}

/// Reads a notification. The id of an alert is its fingerprint with its start and its status, so
/// that notifications repeated for a group store nothing.
struct AlertmanagerReader: SenderReader {
    static let name = "alertmanager"

    /// Labels that name an object, and its kind. `job` is Prometheus' own, of the scrape.
    fileprivate static let objects: [(label: StaticString, kind: String)] = [
        ("pod", "Pod"), ("deployment", "Deployment"), ("statefulset", "StatefulSet"),
        ("daemonset", "DaemonSet"), ("job_name", "Job"), ("cronjob", "CronJob"),
        ("persistentvolumeclaim", "PersistentVolumeClaim"),
        ("horizontalpodautoscaler", "HorizontalPodAutoscaler"), ("node", "Node"),
        ("instance", "Instance"),
    ]
    /// Members of the notification that repeat what its alerts say.
    private static let omitted: [StaticString] = [
        "alerts", "commonAnnotations", "commonLabels", "status",
    ]

    init(_ request: SenderRequest) {}

    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure) {
        let isNotification = try SenderJSON.readBody(bytes) { body in
            guard body.isObject, let alerts = body.members["alerts"], alerts.isArray else {
                return false
            }
            var group = SenderMetadata()
            group.append(body.members) { key in Self.omitted.contains(where: key.equals) }
            let shared = group.repeatable
            SenderJSON.forEach(in: alerts) { alert in
                guard alert.isObject else { return batch.reject("an alert must be an object") }
                Self.add(alert.members, of: shared, to: batch)
            }
            return true
        }
        guard isNotification else {
            throw SenderFailure(
                .invalid, "The body is not a notification: an object with an array of alerts.")
        }
    }

    private static func add(
        _ alert: OutermostMembers, of group: SenderMetadata, to batch: SenderBatch
    ) {
        let labels = alert.object("labels")
        let annotations = alert.object("annotations")
        let isResolved = alert.string("status") == "resolved"
        let name = labels?.string("alertname")
        let start = alert.time("startsAt")
        var event = SenderEvent(Self.name, batch.options)
        event.setType("health")
        event.set(isResolved ? .info : severity(labels))
        event.setTitle(annotations?.string("summary"), name, "Alert")
        event.set(
            .description, annotations?.string("description") ?? annotations?.string("message"))
        event.set(.reason, name)
        event.set(.cluster, labels?.string("cluster"))
        event.setObject(labels)
        event.set(isResolved ? alert.time("endsAt") ?? start : start)
        if let fingerprint = alert.string("fingerprint"), let start {
            event.setID(
                "am:\(fingerprint):\(start.milliseconds):\(isResolved ? "resolved" : "firing")")
        }
        var metadata = SenderMetadata()
        metadata.append(alert)
        metadata.append(shared: group, in: batch)
        event.add(to: batch, metadata: metadata, content: alert.raw)
    }

    private static func severity(_ labels: OutermostMembers?) -> Severity {
        guard let word = labels?.string("severity") else { return .warning }
        return Severity(word: word) ?? .info
    }
}

extension SenderEvent {
    fileprivate mutating func setObject(_ labels: OutermostMembers?) {
        let namespace = labels?.string("namespace")
        for (label, kind) in AlertmanagerReader.objects {
            guard let name = labels?.string(label), !name.isEmpty else { continue }
            return setObject(kind: kind, namespace: namespace, name: name)
        }
        setObject(kind: "Namespace", namespace: namespace, name: namespace)
    }
}
