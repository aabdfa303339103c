import ArgumentParser

/// The format of output other than events.
enum DocumentFormat: String, CaseIterable, ExpressibleByArgument {
    case yaml, json

    /// Prints `json`.
    func print(_ json: [UInt8]) throws {
        let output = StandardOutput()
        try output.write { bytes in
            switch self {
            case .json:
                bytes += json
                if bytes.last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
            case .yaml: try json.withUnsafeBytes { try YAML.append($0, to: &bytes) }
            }
        }
        try output.flush()
    }
}
