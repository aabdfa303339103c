import Foundation
import Testing

/// One case of Tests/Wire: the bytes of a message and the expected result. Tests/Wire/README.md
/// describes the format.
struct WireCase: Sendable, CustomTestStringConvertible {
    let file: String
    let line: Int
    let title: String
    let reason: String
    let message: [UInt8]
    let outcome: Outcome

    var testDescription: String { "\(file):\(line) \(title)" }

    struct Outcome: Sendable {
        enum Ending: String, Sendable { case open, close, wait }

        struct Status: Sendable {
            let code: Int
            let answersHead: Bool
        }

        var statuses: [Status] = []
        var ending = Ending.wait
        /// The bodies that the server must have understood, in the order of its echoes.
        var bodies: [[UInt8]] = []
        var requestLines: [String] = []
        var fields: [String] = []
        var absentFields: [String] = []
    }

    static let all: [WireCase] = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Wire")
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder.path())
                .filter { $0.hasSuffix(".http") }.sorted()
                .flatMap { name in
                    let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
                    return try cases(file: name, text: text)
                }
        } catch {
            preconditionFailure("the wire cases cannot be read: \(error)")
        }
    }()
}

extension WireCase {
    /// A line of a wire file that is not in the format.
    struct FormatError: Error, CustomStringConvertible {
        let description: String
    }

    /// Reads the cases of one file.
    static func cases(file: String, text: String) throws(FormatError) -> [WireCase] {
        var cases: [WireCase] = []
        var current: Draft?
        for (offset, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let number = offset + 1
            do throws(FormatError) {
                if line.hasPrefix("## ") {
                    if let current { cases.append(try current.finished(file: file)) }
                    current = Draft(line: number, title: String(line.dropFirst(3)))
                } else if line.isEmpty || line.hasPrefix("# ") {
                    continue
                } else if current != nil {
                    try current!.take(line)
                } else {
                    throw FormatError(description: "expected '## title'")
                }
            } catch {
                throw FormatError(description: "\(file):\(number): \(error)")
            }
        }
        if let current { cases.append(try current.finished(file: file)) }
        return cases
    }

    private struct Draft {
        let line: Int
        let title: String
        var reason: [Substring] = []
        var message: [UInt8]?
        var outcome: Outcome?

        mutating func take(_ line: Substring) throws(FormatError) {
            if line.hasPrefix("    ") {
                guard outcome == nil else {
                    throw FormatError(description: "bytes behind the outcome")
                }
                message = try (message ?? []) + WireText.bytes(of: line.dropFirst(4))
            } else if line.hasPrefix("= ") {
                try takeOutcome(line.dropFirst(2))
            } else {
                reason.append(line)
            }
        }

        private mutating func takeOutcome(_ text: Substring) throws(FormatError) {
            let words = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            let rest = words.count > 1 ? words[1] : ""
            guard outcome != nil else {
                outcome = try Self.outcome(text)
                return
            }
            switch words[0] {
            case "body": outcome!.bodies.append(try WireText.bytes(of: rest))
            case "line": outcome!.requestLines.append(String(rest))
            case "field": outcome!.fields.append(String(rest))
            case "no-field": outcome!.absentFields.append(String(rest))
            default: throw FormatError(description: "unknown outcome '\(words[0])'")
            }
        }

        private static func outcome(_ text: Substring) throws(FormatError) -> Outcome {
            var outcome = Outcome()
            var words = text.split(separator: " ")
            guard let last = words.popLast(), let ending = Outcome.Ending(rawValue: String(last))
            else {
                throw FormatError(description: "an outcome ends in open, close or wait")
            }
            outcome.ending = ending
            for word in words {
                let answersHead = word.hasSuffix("/HEAD")
                guard let code = Int(answersHead ? word.dropLast(5) : word) else {
                    throw FormatError(description: "'\(word)' is not a status")
                }
                outcome.statuses.append(.init(code: code, answersHead: answersHead))
            }
            return outcome
        }

        func finished(file: String) throws(FormatError) -> WireCase {
            guard !reason.isEmpty, let message, let outcome else {
                throw FormatError(
                    description: "\(file):\(line): a reason, bytes or an outcome is missing")
            }
            return WireCase(
                file: file, line: line, title: title, reason: reason.joined(separator: " "),
                message: message, outcome: outcome)
        }
    }
}
