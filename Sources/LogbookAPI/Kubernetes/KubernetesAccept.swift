import HTTPServer

/// The form that a client of Kubernetes' API accepts: the first of its `Accept` that can be served.
struct KubernetesAccept {
    /// A list of all groups with their resources, of this version of apidiscovery.k8s.io.
    enum Discovery {
        case v2, v2beta1

        var contentType: StaticString {
            switch self {
            case .v2: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
            case .v2beta1:
                "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
            }
        }

        var apiVersion: String {
            switch self {
            case .v2: "apidiscovery.k8s.io/v2"
            case .v2beta1: "apidiscovery.k8s.io/v2beta1"
            }
        }
    }

    private(set) var discovery: Discovery?
    /// The version of the table.
    private var tableVersion: String?

    init(_ field: UnsafeRawBufferPointer?) throws(KubernetesStatus) {
        guard let field, !field.isEmpty else { return }
        for range in String(decoding: field, as: UTF8.self).split(separator: ",") {
            let parts = range.split(separator: ";").map { part in
                String(part.filter { $0 != " " && $0 != "\t" })
            }
            guard let type = parts.first,
                ["application/json", "application/*", "*/*"].contains(type)
            else { continue }
            let parameters = Dictionary(
                parts.dropFirst().compactMap { part -> (String, String)? in
                    let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
                    return pair.count == 2 ? (pair[0], pair[1]) : nil
                }, uniquingKeysWith: { first, _ in first })
            switch (parameters["as"], parameters["g"], parameters["v"]) {
            case (nil, _, _): return
            case ("Table", "meta.k8s.io", let version?) where ["v1", "v1beta1"].contains(version):
                tableVersion = version
                return
            case ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2"):
                discovery = .v2
                return
            case ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2beta1"):
                discovery = .v2beta1
                return
            default: continue
            }
        }
        throw KubernetesStatus(
            .notAcceptable, "only the following media types are accepted: application/json")
    }

    /// The table to answer with; nil for objects.
    func table(including text: String?) throws(KubernetesStatus) -> KubernetesTable? {
        guard let tableVersion else { return nil }
        let inclusion = text.map { KubernetesTable.Inclusion(rawValue: $0) } ?? .metadata
        guard let inclusion else {
            throw KubernetesStatus(
                .badRequest, "includeObject: must be Metadata, Object or None")
        }
        return KubernetesTable(version: tableVersion, inclusion: inclusion)
    }
}
