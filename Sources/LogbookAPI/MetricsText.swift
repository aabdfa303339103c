import JSON

/// Writes the Prometheus text format, version 0.0.4:
/// https://prometheus.io/docs/instrumenting/exposition_formats/
struct MetricsText {
    enum Kind: String {
        case counter
        case gauge
        case histogram
    }

    /// Names with values. All come from the program, except values of `escaped` ones.
    typealias Labels = [(name: StaticString, value: String)]

    private(set) var bytes: [UInt8] = []
    private var name: StaticString = ""

    /// Begins a family. Its samples follow.
    mutating func family(_ name: StaticString, _ kind: Kind, _ help: StaticString) {
        self.name = name
        bytes.append("# HELP ")
        bytes.append(name)
        bytes.append(" ")
        bytes.append(help)
        bytes.append("\n# TYPE ")
        bytes.append(name)
        bytes.append(" ")
        bytes.append(contentsOf: kind.rawValue.utf8)
        bytes.append("\n")
    }

    /// Appends a family with one sample.
    mutating func family(_ name: StaticString, _ kind: Kind, _ help: StaticString, _ value: Int) {
        family(name, kind, help)
        sample(value)
    }

    mutating func sample(_ value: Int, _ labels: Labels = []) {
        begin("", labels)
        bytes.appendInteger(value)
        bytes.append("\n")
    }

    /// Appends a sample in seconds.
    mutating func sample(nanoseconds: Int, _ labels: Labels = []) {
        begin("", labels)
        append(nanoseconds: nanoseconds)
        bytes.append("\n")
    }

    /// Appends a histogram: the counts up to each bound and above the one before, and the sum.
    /// Bounds and sum are numbers, or nanoseconds shown as seconds.
    mutating func histogram(
        _ bounds: [Int], _ counts: [Int], sum: Int, areTimes: Bool, _ labels: Labels = []
    ) {
        var count = 0
        for (place, part) in counts.enumerated() {
            count += part
            var bound: [UInt8] = []
            if place == bounds.count {
                bound.append("+Inf")
            } else if areTimes {
                bound = Self.seconds(bounds[place])
            } else {
                bound.appendInteger(bounds[place])
            }
            begin("_bucket", labels + [("le", String(decoding: bound, as: UTF8.self))])
            bytes.appendInteger(count)
            bytes.append("\n")
        }
        begin("_sum", labels)
        if areTimes { append(nanoseconds: sum) } else { bytes.appendInteger(sum) }
        bytes.append("\n")
        begin("_count", labels)
        bytes.appendInteger(count)
        bytes.append("\n")
    }

    private mutating func begin(_ suffix: StaticString, _ labels: Labels) {
        bytes.append(name)
        bytes.append(suffix)
        var separator: StaticString = "{"
        for label in labels {
            bytes.append(separator)
            separator = ","
            bytes.append(label.name)
            bytes.append("=\"")
            // A backslash, a quote and a line feed are escaped as in JSON.
            for byte in label.value.utf8 {
                switch byte {
                case UInt8(ascii: "\\"): bytes.append("\\\\")
                case UInt8(ascii: "\""): bytes.append("\\\"")
                case UInt8(ascii: "\n"): bytes.append("\\n")
                default: bytes.append(byte)
                }
            }
            bytes.append("\"")
        }
        bytes.append(labels.isEmpty ? " " : "} ")
    }

    private mutating func append(nanoseconds: Int) {
        bytes.append(contentsOf: Self.seconds(nanoseconds))
    }

    /// The exact decimal without trailing zeros: `0.0025`.
    private static func seconds(_ nanoseconds: Int) -> [UInt8] {
        var text: [UInt8] = []
        text.appendInteger(nanoseconds / 1_000_000_000)
        var rest = nanoseconds % 1_000_000_000
        guard rest > 0 else { return text }
        text.append(".")
        var unit = 100_000_000
        while rest > 0 {
            text.append(UInt8(ascii: "0") + UInt8(rest / unit))
            rest %= unit
            unit /= 10
        }
        return text
    }
}
