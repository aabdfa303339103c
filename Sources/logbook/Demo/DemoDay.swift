import Events
import JSON

/// The events of a made-up cluster's last day: rollouts, jobs and scaling as usual, a node that
/// fails for a while, an image that is missing, and a bad rollout within the last hour.
struct DemoDay {
    /// The events in the order of their times, each a line of JSON. The same for the same end.
    private(set) var lines: [UInt8] = []

    private let end: Int64
    private var events: [(time: Int64, json: [UInt8])] = []
    /// The state of a linear congruential generator (Knuth's MMIX).
    private var state: UInt64 = 41

    private static let minute: Int64 = 60_000
    private static let day = 24 * 60
    private static let cluster = "demo"
    private static let nodes = ["node-1", "node-2", "node-3"]

    private struct Deployment {
        let namespace: String
        let name: String
        let image: String
    }

    private static let payments = Deployment(
        namespace: "shop", name: "payments", image: "registry.example/payments:2.8.0")
    private static let catalog = Deployment(
        namespace: "shop", name: "catalog", image: "registry.example/catalog:1.4.1")
    /// Deployments that are rolled out without trouble, one every few hours.
    private static let healthy = [
        Deployment(namespace: "shop", name: "checkout", image: "registry.example/checkout:3.1.0"),
        Deployment(namespace: "shop", name: "cart", image: "registry.example/cart:5.0.2"),
        Deployment(namespace: "web", name: "frontend", image: "registry.example/frontend:7.7.0"),
        Deployment(namespace: "monitoring", name: "grafana", image: "grafana/grafana:12.1.0"),
        Deployment(namespace: "web", name: "gateway", image: "registry.example/gateway:1.9.4"),
    ]

    init(endingAt now: Timestamp) {
        end = now.milliseconds
        for (number, deployment) in Self.healthy.enumerated() {
            rollOut(deployment, ago: 23 * 60 - number * 240)
        }
        for hour in 0..<24 { runJob(ago: hour * 60 + 17) }
        for step in 0..<(Self.day / 10) { reconcile(ago: step * 10 + 4) }
        for hour in stride(from: 1, to: 24, by: 3) { scale(ago: hour * 60 + 40) }
        for number in 0..<80 { flap(ago: random(Self.day), number) }
        loseNode(ago: 6 * 60)
        missImage(ago: 190)
        crash(ago: 52)
        events.sort { $0.time < $1.time }
        for event in events { lines += event.json }
    }

    private mutating func random(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(bound))
    }

    /// The suffix of a pod's name, in the alphabet of Kubernetes.
    private mutating func suffix(_ length: Int) -> String {
        let letters = Array("bcdfghjklmnpqrstvwxz2456789")
        return String((0..<length).map { _ in letters[random(letters.count)] })
    }

    // MARK: What happens

    private mutating func rollOut(_ deployment: Deployment, ago: Int, starts: Bool = true) {
        let set = "\(deployment.name)-\(suffix(9))"
        let old = "\(deployment.name)-\(suffix(9))"
        add(
            ago, "ScalingReplicaSet", "Scaled up replica set \(set) from 0 to 3",
            deployment.namespace, "Deployment", deployment.name, by: "deployment-controller")
        for number in 0..<3 {
            let pod = "\(set)-\(suffix(5))"
            add(
                ago, "SuccessfulCreate", "Created pod: \(pod)", deployment.namespace, "ReplicaSet",
                set, by: "replicaset-controller")
            start(pod, deployment, ago: ago - number)
            guard starts else { continue }
            add(
                ago - number - 1, "Killing", "Stopping container \(deployment.name)",
                deployment.namespace, "Pod", "\(old)-\(suffix(5))", by: "kubelet")
            add(
                ago - number - 1, "ScalingReplicaSet",
                "Scaled down replica set \(old) from \(3 - number) to \(2 - number)",
                deployment.namespace, "Deployment", deployment.name, by: "deployment-controller")
        }
    }

    private mutating func start(_ pod: String, _ deployment: Deployment, ago: Int) {
        let node = Self.nodes[random(Self.nodes.count)]
        let steps = [
            ("Scheduled", "Successfully assigned \(deployment.namespace)/\(pod) to \(node)"),
            ("Pulling", "Pulling image \"\(deployment.image)\""),
            ("Pulled", "Successfully pulled image \"\(deployment.image)\" in 2.1s"),
            ("Created", "Created container: \(deployment.name)"),
            ("Started", "Started container \(deployment.name)"),
        ]
        for (reason, message) in steps {
            add(
                ago, reason, message, deployment.namespace, "Pod", pod,
                by: reason == "Scheduled" ? "default-scheduler" : "kubelet")
        }
    }

    private mutating func runJob(ago: Int) {
        let job = "report-\(suffix(8))"
        let report = Deployment(
            namespace: "shop", name: "report", image: "registry.example/report:2.0.1")
        add(
            ago, "SuccessfulCreate", "Created job \(job)", "shop", "CronJob", "report",
            by: "cronjob-controller")
        start("\(job)-\(suffix(5))", report, ago: ago)
        add(ago - 1, "Completed", "Job completed", "shop", "Job", job, by: "job-controller")
    }

    private mutating func reconcile(ago: Int) {
        let revision = "main@sha1:\(suffix(7))"
        add(
            ago, "ReconciliationSucceeded",
            "Reconciliation finished in \(200 + random(600))ms, next run in 10m0s", "flux-system",
            "Kustomization", "apps", by: "kustomize-controller", type: "operator",
            more: revision)
    }

    private mutating func scale(ago: Int) {
        let size = 4 + random(5)
        add(
            ago, "SuccessfulRescale",
            "New size: \(size); reason: cpu resource utilization above target", "web",
            "HorizontalPodAutoscaler", "frontend", by: "horizontal-pod-autoscaler")
    }

    private mutating func flap(ago: Int, _ number: Int) {
        add(
            ago, "Unhealthy",
            "Readiness probe failed: Get \"http://10.42.0.\(20 + random(9)):3000/api/health\": context deadline exceeded",
            "monitoring", "Pod", "grafana-6c8d5f7b9-\(["x2lkq", "p7vbn"][number % 2])",
            by: "kubelet", severity: "warning")
    }

    private mutating func loseNode(ago: Int) {
        let node = "node-3"
        add(
            ago, "NodeNotReady", "Node node-3 status is now: NodeNotReady", nil, "Node", node,
            by: "node-controller", severity: "critical")
        for number in 0..<12 {
            let pod = "\(["cart", "checkout", "frontend"][number % 3])-7f9c6d5b8-\(suffix(5))"
            let namespace = number % 3 == 2 ? "web" : "shop"
            add(
                ago - 5, "TaintManagerEviction", "Marking for deletion Pod \(namespace)/\(pod)",
                namespace, "Pod", pod, by: "taint-eviction-controller", severity: "warning")
        }
        add(
            ago - 8, "KubeNodeNotReady", "Node node-3 has been unready for more than 5 minutes.",
            nil, "Node", node, by: "alertmanager", severity: "critical", type: "health")
        add(
            ago - 25, "Rebooted", "Node node-3 has been rebooted, boot id: \(suffix(12))", nil,
            "Node", node, by: "kubelet", severity: "warning")
        add(
            ago - 26, "NodeReady", "Node node-3 status is now: NodeReady", nil, "Node", node,
            by: "kubelet")
    }

    private mutating func missImage(ago: Int) {
        let (catalog, pod) = (Self.catalog, "catalog-5b6d7c8f9-\(suffix(5))")
        add(
            ago, "ScalingReplicaSet", "Scaled up replica set catalog-5b6d7c8f9 from 0 to 1", "shop",
            "Deployment", "catalog", by: "deployment-controller")
        for minute in 0..<20 {
            add(
                ago - minute, "Failed",
                "Failed to pull image \"\(catalog.image)\": rpc error: code = NotFound desc = \(catalog.image): not found",
                "shop", "Pod", pod, by: "kubelet", severity: "error")
            add(
                ago - minute, "BackOff", "Back-off pulling image \"\(catalog.image)\"", "shop",
                "Pod", pod, by: "kubelet", severity: "warning")
        }
        add(
            ago - 21, "DeploymentRollback",
            "Rolled back deployment \"catalog\" to revision 17", "shop", "Deployment", "catalog",
            by: "kubectl-rollout", type: "operator")
    }

    private mutating func crash(ago: Int) {
        let payments = Self.payments
        add(
            ago + 1, "ReconciliationSucceeded", "Applied revision: main@sha1:9c1e4f2",
            "flux-system",
            "Kustomization", "apps", by: "kustomize-controller", type: "operator",
            more: "Deployment/shop/payments configured: image 2.7.3 -> 2.8.0")
        rollOut(payments, ago: ago, starts: false)
        let pods = (0..<3).map { _ in "payments-58d9f7c6b4-\(suffix(5))" }
        for minute in 1..<ago {
            let pod = pods[minute % 3]
            add(
                ago - minute, "BackOff",
                "Back-off restarting failed container payments in pod \(pod)", "shop", "Pod", pod,
                by: "kubelet", severity: "error", occurrences: 1 + minute / 10,
                more:
                    "The last exit code was 1.\nLast log line:\n  panic: PAYMENTS_DB_URL is not set"
            )
            add(
                ago - minute, "Unhealthy",
                "Readiness probe failed: dial tcp 10.42.1.9:8080: connect: connection refused",
                "shop", "Pod", pod, by: "kubelet", severity: "warning")
        }
        add(
            ago - 15, "KubePodCrashLooping",
            "Pod shop/\(pods[0]) (payments) is in waiting state (reason: CrashLoopBackOff).",
            "shop",
            "Pod", pods[0], by: "alertmanager", severity: "critical", type: "health")
        add(
            ago - 20, "HealthCheckFailed",
            "Health check failed after 5m0s: timeout waiting for Deployment/shop/payments",
            "flux-system", "Kustomization", "apps", by: "kustomize-controller", severity: "error",
            type: "operator")
    }

    // MARK: Writing

    /// Adds an event of `ago` minutes before the end.
    private mutating func add(
        _ ago: Int, _ reason: String, _ message: String, _ namespace: String?, _ kind: String,
        _ name: String, by component: String, severity: String = "info", type: String = "cluster",
        occurrences: Int = 1, more: String? = nil
    ) {
        // A few seconds between events of a minute, in their order.
        let time = min(end, end - Int64(ago) * Self.minute + Int64(events.count % 50) * 1000)
        var texts: [(EventField, String)] = [
            (.id, "demo-\(events.count)"), (.eventType, type), (.severity, severity),
            (.title, message), (.description, message + (more.map { "\n\($0)" } ?? "")),
            (.objectKind, kind), (.objectName, name), (.cluster, Self.cluster), (.reason, reason),
            (.createdAt, Timestamp(clamping: time).text),
        ]
        if let namespace { texts.append((.objectNamespace, namespace)) }
        var json: [UInt8] = []
        for (field, text) in texts {
            json += Array("\(json.isEmpty ? "{" : ",")\"\(field.name)\":".utf8)
            json.appendJSONString(text)
        }
        json += Array(
            ",\"occurrences\":\(occurrences),\"metadata\":{\"source\":{\"component\":".utf8)
        json.appendJSONString(component)
        json.append("}}}\n")
        events.append((time, json))
    }
}
