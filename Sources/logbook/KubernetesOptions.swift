import ArgumentParser
import EventStore
import Events
import Glibc
import HTTPClient
import Kubernetes
import Logging
import System

/// The cluster whose events `serve` watches.
struct KubernetesOptions: ParsableArguments {
    @Option(
        defaultAsFlag: true, parsing: .next,
        help:
            "Watch the events of the cluster that this pod runs in, and store them (true or false). (default: false)"
    )
    var kubernetes: Bool?

    @Option(
        help: ArgumentHelp(
            "Outside a cluster: the API server to watch, https://HOST:PORT, with a path if a proxy has one, or "
                + "http://127.0.0.1:8001 for 'kubectl proxy'. (default: none)", valueName: "url"))
    var kubernetesServer: String?

    @Option(
        help: ArgumentHelp(
            "The authorities that sign the API server's certificate, PEM; without it, those of the system. "
                + "(default: none)", valueName: "path"),
        completion: .file())
    var kubernetesCa: String?

    @Option(
        help: ArgumentHelp(
            "The file with the token for the API server; read again for each connection. (default: none)",
            valueName: "path"),
        completion: .file())
    var kubernetesTokenFile: String?

    @Option(
        help: ArgumentHelp(
            "The client certificate for the API server, PEM. (default: none)", valueName: "path"),
        completion: .file())
    var kubernetesCertificate: String?

    @Option(
        help: ArgumentHelp(
            "That certificate's private key, PEM. (default: none)", valueName: "path"),
        completion: .file())
    var kubernetesKey: String?

    @Option(
        help: ArgumentHelp(
            "The namespace to watch, if you have only a Role there; repeat it, or separate several by commas. "
                + "(default: the whole cluster)", valueName: "name"))
    var kubernetesNamespace: [String] = []

    @Option(
        help: ArgumentHelp(
            "The Kubernetes field selector for the events to watch, such as type!=Normal. (default: all)",
            valueName: "selector"))
    var kubernetesFieldSelector: String?

    @Option(
        help: ArgumentHelp(
            "How long the API server keeps an event (its --event-ttl). After a longer outage, an event "
                + "says that some may be missing.", valueName: "age"))
    var kubernetesEventTTL = "1h"

    /// All of the above, for the environment.
    static let valueFlags = [
        "kubernetes", "kubernetes-server", "kubernetes-ca", "kubernetes-token-file",
        "kubernetes-certificate", "kubernetes-key", "kubernetes-namespace",
        "kubernetes-field-selector", "kubernetes-event-ttl",
    ]

    private var namespaces: [String] {
        kubernetesNamespace.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
            .map(String.init)
    }

    func validate() throws {
        if let kubernetesServer, ServerAddress(kubernetesServer) == nil {
            throw ValidationError(
                "--kubernetes-server must be \(ServerAddress.forms), not '\(kubernetesServer)'")
        }
        for (flag, value) in [
            ("ca", kubernetesCa), ("token-file", kubernetesTokenFile),
            ("certificate", kubernetesCertificate), ("key", kubernetesKey),
        ] where value != nil && kubernetesServer == nil {
            throw ValidationError("--kubernetes-\(flag) needs --kubernetes-server")
        }
        for (flag, isGiven) in [
            ("namespace", !kubernetesNamespace.isEmpty),
            ("field-selector", kubernetesFieldSelector != nil),
        ] where isGiven && kubernetesServer == nil && kubernetes != true {
            throw ValidationError(
                "--kubernetes-\(flag) needs --kubernetes or --kubernetes-server")
        }
        guard (kubernetesCertificate == nil) == (kubernetesKey == nil) else {
            throw ValidationError("--kubernetes-certificate and --kubernetes-key need each other")
        }
        // RFC 1123, as Kubernetes has it.
        guard
            namespaces.allSatisfy({
                (1...63).contains($0.utf8.count) && $0.utf8.allSatisfy(Self.isLabel)
            })
        else {
            throw ValidationError(
                "--kubernetes-namespace must be the name of a namespace such as shop, not '\(kubernetesNamespace.joined(separator: ","))'"
            )
        }
        guard (Age.milliseconds(kubernetesEventTTL) ?? 0) > 0 else {
            throw ValidationError(
                "--kubernetes-event-ttl must be an age such as 90m or 1h, not '\(kubernetesEventTTL)'"
            )
        }
        guard kubernetes == false || kubernetes == nil || server != nil else {
            throw ValidationError(
                "--kubernetes needs KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, which a pod has; outside of "
                    + "one, give --kubernetes-server")
        }
    }

    private static func isLabel(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// The server to watch; nil for none.
    private var server: APIServer? {
        guard kubernetes != false else { return nil }
        if let kubernetesServer {
            return ServerAddress(kubernetesServer).map {
                APIServer(
                    $0, authorities: kubernetesCa, tokenFile: kubernetesTokenFile,
                    certificate: kubernetesCertificate, key: kubernetesKey)
            }
        }
        guard kubernetes == true else { return nil }
        return APIServer(ofPod: { getenv($0).map { String(cString: $0) } })
    }

    /// Makes a watcher for each namespace, or one for the whole cluster; none if nothing is watched.
    func watchers(
        _ repository: any EventRepository, cluster: String?, redaction: Redaction?, logger: Logger,
        now: @escaping @Sendable () -> Timestamp
    ) throws(SystemError) -> [EventWatcher] {
        guard let server else { return [] }
        var configuration = WatchConfiguration(
            server: server, userAgent: "logbook/\(Version.text)")
        configuration.fieldSelector = kubernetesFieldSelector
        configuration.eventTTL = .milliseconds(Age.milliseconds(kubernetesEventTTL) ?? 0)
        configuration.cluster = cluster
        configuration.redaction = redaction
        var watchers: [EventWatcher] = []
        for namespace in namespaces.isEmpty ? [nil] : Set(namespaces).sorted().map(Optional.some) {
            configuration.namespace = namespace
            watchers.append(
                try EventWatcher(
                    configuration, repository: repository, clock: WatchClock(wall: now),
                    logger: logger))
        }
        return watchers
    }
}
