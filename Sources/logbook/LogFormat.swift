import JSON
import Logging

/// The format of a log line. Quoted text cannot end the line, move a terminal's cursor or change
/// the direction of text: such characters are escaped.
enum LogFormat: String, CaseIterable {
    /// Time, level, message, metadata as `key=value`, with values in quotes if necessary.
    case text
    /// One JSON object, with metadata beside `time`, `level` and `message`.
    case json

    func line(
        time: String, level: Logger.Level, message: String, metadata: [(String, String)]
    ) -> [UInt8] {
        switch self {
        case .text:
            var line = "\(time) \(level) "
            Self.appendEscaped(message, to: &line)
            for (key, value) in metadata {
                line += " \(key)="
                let needsQuotes = value.isEmpty || value.contains { " =\"".contains($0) }
                if needsQuotes { line += "\"" }
                Self.appendEscaped(value, to: &line, escapesQuotes: needsQuotes)
                if needsQuotes { line += "\"" }
            }
            return Array((line + "\n").utf8)
        case .json:
            var line: [UInt8] = []
            let fields = [("time", time), ("level", "\(level)"), ("message", message)] + metadata
            var separator: StaticString = "{"
            for (key, value) in fields {
                line.append(separator)
                separator = ","
                line.appendJSONString(key)
                line.append(":")
                // Escapes for characters that JSON allows and a terminal would obey.
                Self.appendSafely(value, to: &line)
            }
            line.append("}\n")
            return line
        }
    }

    private static func appendEscaped(
        _ text: String, to line: inout String, escapesQuotes: Bool = false
    ) {
        for scalar in text.unicodeScalars {
            if PrintedText.isObeyed(scalar) {
                line += PrintedText.escape(scalar)
            } else if scalar == "\\" || (escapesQuotes && scalar == "\"") {
                line += "\\\(scalar)"
            } else {
                line.unicodeScalars.append(scalar)
            }
        }
    }

    private static func appendSafely(_ text: String, to line: inout [UInt8]) {
        var string: [UInt8] = []
        string.appendJSONString(text)
        guard text.unicodeScalars.contains(where: { $0.value >= 0x7F && PrintedText.isObeyed($0) })
        else {
            return line.append(contentsOf: string)
        }
        for scalar in String(decoding: string, as: UTF8.self).unicodeScalars {
            line.append(
                contentsOf: (PrintedText.isObeyed(scalar)
                    ? PrintedText.escape(scalar) : "\(scalar)").utf8)
        }
    }
}
