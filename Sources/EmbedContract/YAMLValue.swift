import JSON

/// What a YAML text stands for, as far as JSON can say it.
enum YAMLValue {
    case string([UInt8])
    /// `null`, `true`, `false` or a number, whose text JSON shares.
    case literal([UInt8])
    case list([YAMLValue])
    /// In the order of the text.
    case map([(key: [UInt8], value: YAMLValue)])

    func appendJSON(to output: inout [UInt8]) {
        switch self {
        case .string(let text): text.withUnsafeBytes { output.appendJSONString($0) }
        case .literal(let text): output += text
        case .list(let items):
            output.appendJSONArray(of: items) { $0.appendJSON(to: &$1) }
        case .map(let pairs):
            var separator: StaticString = "{"
            for pair in pairs {
                output.append(separator)
                separator = ","
                pair.key.withUnsafeBytes { output.appendJSONString($0) }
                output.append(":")
                pair.value.appendJSON(to: &output)
            }
            output.append(pairs.isEmpty ? "{}" : "}")
        }
    }
}
