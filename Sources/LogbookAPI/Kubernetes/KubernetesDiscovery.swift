/// What clients of Kubernetes' API ask for first: its version, groups and resources.
enum KubernetesDiscovery {
    /// A kind of object, as the API server names it.
    struct Kind {
        /// The group; empty for core.
        let group: String
        let version: String
        let plural: String
        let kind: String
        let short: String
        let isNamespaced: Bool
        /// The verbs that this server takes; none for the kinds that only events are about, whose
        /// names clients look up.
        let verbs: [String]

        init(
            _ group: String, _ version: String, _ plural: String, _ kind: String,
            _ short: String = "", isNamespaced: Bool = true, verbs: [String] = []
        ) {
            self.group = group
            self.version = version
            self.plural = plural
            self.kind = kind
            self.short = short
            self.isNamespaced = isNamespaced
            self.verbs = verbs
        }

        var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
        fileprivate var singular: String { kind.lowercased() }
    }

    static let kinds = [
        Kind("", "v1", "events", "Event", "ev", verbs: ["get", "list", "watch"]),
        Kind(
            "", "v1", "namespaces", "Namespace", "ns", isNamespaced: false, verbs: ["get", "list"]),
        Kind("", "v1", "pods", "Pod", "po"),
        Kind("", "v1", "nodes", "Node", "no", isNamespaced: false),
        Kind("", "v1", "services", "Service", "svc"),
        Kind("", "v1", "endpoints", "Endpoints", "ep"),
        Kind("", "v1", "configmaps", "ConfigMap", "cm"),
        Kind("", "v1", "secrets", "Secret"),
        Kind("", "v1", "serviceaccounts", "ServiceAccount", "sa"),
        Kind("", "v1", "persistentvolumes", "PersistentVolume", "pv", isNamespaced: false),
        Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc"),
        Kind("", "v1", "replicationcontrollers", "ReplicationController", "rc"),
        Kind("events.k8s.io", "v1", "events", "Event", "ev", verbs: ["get", "list", "watch"]),
        Kind("apps", "v1", "deployments", "Deployment", "deploy"),
        Kind("apps", "v1", "replicasets", "ReplicaSet", "rs"),
        Kind("apps", "v1", "statefulsets", "StatefulSet", "sts"),
        Kind("apps", "v1", "daemonsets", "DaemonSet", "ds"),
        Kind("batch", "v1", "jobs", "Job"),
        Kind("batch", "v1", "cronjobs", "CronJob", "cj"),
        Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa"),
        Kind("networking.k8s.io", "v1", "ingresses", "Ingress", "ing"),
        Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", "pdb"),
        Kind("storage.k8s.io", "v1", "storageclasses", "StorageClass", "sc", isNamespaced: false),
    ]

    /// The groups apart from core, in order.
    private static let groups: [(name: String, version: String)] = {
        var groups: [(name: String, version: String)] = []
        for kind in kinds where !kind.group.isEmpty {
            if !groups.contains(where: { $0.name == kind.group }) {
                groups.append((kind.group, kind.version))
            }
        }
        return groups
    }()

    /// The version of Kubernetes whose answers these are like.
    static func version(_ version: String) -> String {
        """
        {"major":"1","minor":"32","gitVersion":"v1.32.0+logbook-\(version)","gitCommit":"","gitTreeState":"","buildDate":"1970-01-01T00:00:00Z","goVersion":"","compiler":"","platform":"linux"}

        """
    }

    /// The answer to `/api`, of the core group, or to `/apis`, of all others.
    static func groups(ofCore: Bool, _ discovery: KubernetesAccept.Discovery?) -> String {
        let named = ofCore ? [(name: "", version: "v1")] : groups
        guard let discovery else {
            guard !ofCore else {
                return #"{"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[]}"#
                    + "\n"
            }
            let list = named.map { group($0) }.joined(separator: ",")
            return #"{"kind":"APIGroupList","apiVersion":"v1","groups":[\#(list)]}"# + "\n"
        }
        let items = named.map { group in
            let name = group.name.isEmpty ? "" : #""name":"\#(group.name)","#
            let resources = kinds.filter { $0.group == group.name }.map(aggregated)
            return
                #"{"metadata":{\#(name)"creationTimestamp":null},"versions":[{"version":"\#(group.version)","resources":[\#(resources.joined(separator: ","))],"freshness":"Current"}]}"#
        }
        return
            #"{"kind":"APIGroupDiscoveryList","apiVersion":"\#(discovery.apiVersion)","metadata":{},"items":[\#(items.joined(separator: ","))]}"#
            + "\n"
    }

    private static func group(_ group: (name: String, version: String)) -> String {
        let version =
            #"{"groupVersion":"\#(group.name)/\#(group.version)","version":"\#(group.version)"}"#
        return #"{"name":"\#(group.name)","versions":[\#(version)],"preferredVersion":\#(version)}"#
    }

    /// The answer to `/apis/NAME`; nil if there is no such group.
    static func group(_ name: String) -> String? {
        groups.first { $0.name == name }.map { group in
            let text = Self.group(group).dropFirst()
            return #"{"kind":"APIGroup","apiVersion":"v1",\#(text)"# + "\n"
        }
    }

    /// The answer to `/api/v1` or `/apis/GROUP/VERSION`; nil if there is none.
    static func resources(_ group: String, _ version: String) -> String? {
        let own = kinds.filter { $0.group == group && $0.version == version }
        guard let first = own.first else { return nil }
        let list = own.map { kind in
            #"{"name":"\#(kind.plural)","singularName":"\#(kind.singular)","namespaced":\#(kind.isNamespaced),"kind":"\#(kind.kind)","verbs":\#(quoted(kind.verbs)),"shortNames":\#(quoted([kind.short]))}"#
        }
        return
            #"{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"\#(first.apiVersion)","resources":[\#(list.joined(separator: ","))]}"#
            + "\n"
    }

    static let openAPI2: StaticString = """
        {"swagger":"2.0","info":{"title":"Logbook","version":"v1.32.0"},"paths":{}}

        """

    private static func aggregated(_ kind: Kind) -> String {
        #"{"resource":"\#(kind.plural)","responseKind":{"group":"\#(kind.group)","version":"\#(kind.version)","kind":"\#(kind.kind)"},"scope":"\#(kind.isNamespaced ? "Namespaced" : "Cluster")","singularResource":"\#(kind.singular)","verbs":\#(quoted(kind.verbs)),"shortNames":\#(quoted([kind.short]))}"#
    }

    private static func quoted(_ words: [String]) -> String {
        "[" + words.filter { !$0.isEmpty }.map { "\"\($0)\"" }.joined(separator: ",") + "]"
    }
}
