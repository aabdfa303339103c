import Glibc

/// Makes a Swift source of openapi.yaml: its bytes as they are, and the same as JSON. The plugin
/// `Contract` runs it in every build that needs it.
///
///     EmbedContract openapi.yaml OUTPUT.swift
@main enum EmbedContract {
    static func main() {
        let words = CommandLine.arguments
        guard words.count == 3 else { fail("usage: EmbedContract openapi.yaml OUTPUT.swift") }
        guard let yaml = read(words[1]) else { fail("\(words[1]): error: cannot be read") }
        var json: [UInt8] = []
        do {
            try YAMLReader.read(yaml).appendJSON(to: &json)
        } catch {
            fail("\(words[1]):\(error.line): error: \(error.detail)")
        }
        json.append(UInt8(ascii: "\n"))
        // No byte of a raw literal means anything else, up to its own end.
        let source = """
            /// The contract, as the build found it.
            enum Contract {
                static let yaml: StaticString = ####\"\""
            \(String(decoding: yaml, as: UTF8.self))
            \"\""####
                static let json: StaticString = ####\"\""
            \(String(decoding: json, as: UTF8.self))
            \"\""####
            }

            """
        guard write(source, words[2]) else { fail("\(words[2]): error: cannot be written") }
    }

    private static func fail(_ message: String) -> Never {
        let line = Array((message + "\n").utf8)
        // Where standard error is closed, nobody listens.
        _ = Glibc.write(STDERR_FILENO, line, line.count)
        exit(1)
    }

    private static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return ferror(file) == 0 ? bytes : nil }
            bytes += chunk[..<count]
        }
    }

    private static func write(_ text: String, _ path: String) -> Bool {
        guard let file = fopen(path, "w") else { return false }
        let isWritten = fputs(text, file) >= 0
        return fclose(file) == 0 && isWritten
    }
}
