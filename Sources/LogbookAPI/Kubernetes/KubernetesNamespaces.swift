import JSON

/// Namespace objects of names. Nothing else is known of them.
struct KubernetesNamespaces {
    let names: [String]
    let table: KubernetesTable?

    func append(to output: inout [UInt8]) {
        if let table {
            table.appendStart(
                [("Name", "string", 0), ("Status", "string", 0), ("Age", "string", 0)], to: &output)
        } else {
            output.append("{\"kind\":\"NamespaceList\",\"apiVersion\":\"v1\",\"items\":[")
        }
        for (place, name) in names.enumerated() {
            if place > 0 { output.append(",") }
            if table != nil {
                output.append("{\"cells\":[")
                output.appendJSONString(name)
                output.append(
                    ",\"Active\",\"<unknown>\"],\"object\":{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
                )
                Self.appendMetadata(name, to: &output)
                output.append("}}")
            } else {
                Self.append(name, to: &output)
            }
        }
        output.append("],\"metadata\":{}}\n")
    }

    /// Appends the object of the first name.
    func appendFirst(to output: inout [UInt8]) {
        for name in names.prefix(1) { Self.append(name, to: &output) }
        output.append("\n")
    }

    private static func append(_ name: String, to output: inout [UInt8]) {
        output.append("{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",")
        appendMetadata(name, to: &output)
        output.append(",\"spec\":{},\"status\":{\"phase\":\"Active\"}}")
    }

    private static func appendMetadata(_ name: String, to output: inout [UInt8]) {
        output.append("\"metadata\":{\"name\":")
        output.appendJSONString(name)
        output.append(",\"creationTimestamp\":null}")
    }
}
