import Events
import System

/// A time from which events may be missing: nobody watched for longer than the server keeps them.
struct MissingEvents {
    /// The time up to which everything had arrived.
    let from: Timestamp
    /// The time of the next list.
    let listed: Timestamp
    /// The time that the server keeps an event.
    let ttl: Duration

    /// nil if the list contained everything that had happened meanwhile.
    init?(observed: Timestamp, listed: Timestamp, ttl: Duration) {
        let away = Duration.milliseconds(listed.milliseconds - observed.milliseconds)
        guard away > ttl, Timestamp.storable.contains(listed) else { return nil }
        from = observed
        self.listed = listed
        self.ttl = ttl
    }

    /// The length of the gap.
    var length: Duration { .milliseconds(listed.milliseconds - from.milliseconds) - ttl }

    /// The event that records this gap. Its id depends on the two times alone.
    func event(_ configuration: WatchConfiguration) -> Event {
        let scope = configuration.namespace.map { ":\($0)" } ?? ""
        let end = Timestamp(clamping: listed.milliseconds - ttl.inMilliseconds)
        let place = configuration.namespace.map { " of the namespace \($0)" } ?? ""
        var builder = EventBuilder()
        builder.set(.id, "k8s:gap:\(from.milliseconds)-\(listed.milliseconds)\(scope)")
        builder.set(.eventType, "system")
        builder.set(.severity, Severity.warning.rawValue)
        builder.set(.reason, "EventsMayBeMissing")
        builder.set(
            .title, "Kubernetes events\(place) between \(from.text) and \(end.text) may be missing")
        builder.set(
            .description,
            "Nobody watched the API server from \(from.text) to \(listed.text), "
                + "and it keeps an event for \(ttl.components.seconds) s after its last occurrence."
        )
        builder.setTime(listed)
        if let namespace = configuration.namespace { builder.set(.objectNamespace, namespace) }
        if let cluster = configuration.cluster { builder.set(.cluster, cluster) }
        guard case .event(let event) = builder.finish(now: listed) else {
            preconditionFailure("the program's own text is a valid event")
        }
        return event
    }
}
