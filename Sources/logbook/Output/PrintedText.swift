import Glibc
import System

/// The path of everything that commands print, to standard output or standard error. A terminal
/// obeys some characters, wherever they come from: an event, a server, a file's name. A terminal
/// gets them escaped; a file or a pipe gets the bytes.
enum PrintedText {
    /// True for C0 and C1 controls, DEL, line and paragraph separators, and directional marks and
    /// overrides.
    static func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case ..<0x20, 0x7F...0x9F, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// `scalar` as a JSON escape.
    static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// `bytes` made safe for a terminal, with the same meaning in JSON and YAML. Line feeds and
    /// tabs stay, and so does a carriage return before a line feed.
    static func escaped(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var output = ""
        var hasReturn = false
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            if hasReturn { output += scalar == "\n" ? "\r" : escape("\r") }
            hasReturn = scalar == "\r"
            if hasReturn { continue }
            if isObeyed(scalar), scalar != "\n", scalar != "\t" {
                output += escape(scalar)
            } else {
                output.unicodeScalars.append(scalar)
            }
        }
        if hasReturn { output += escape("\r") }
        return Array(output.utf8)
    }

    /// Writes `bytes` to `descriptor`; false on failure, with the reason in `errno`.
    ///
    /// - Parameter isSafe: true if all of it is this program's own text.
    static func write(_ bytes: [UInt8], to descriptor: Int32, isSafe: Bool = false) -> Bool {
        let printed = isSafe || isatty(descriptor) == 0 ? bytes : escaped(bytes)
        return printed.withUnsafeBytes { writeAll($0, to: descriptor) }
    }
}

/// Prints a line to standard output.
func printToStandardOutput(_ line: String) { printText(line + "\n", to: STDOUT_FILENO) }

/// Prints a line for people to standard error.
func printToStandardError(_ line: String) { printText(line + "\n", to: STDERR_FILENO) }

/// Prints `text`. A failure is ignored, because then nobody reads.
///
/// - Parameter isSafe: true if all of it is this program's own text.
func printText(_ text: String, to descriptor: Int32, isSafe: Bool = false) {
    _ = PrintedText.write(Array(text.utf8), to: descriptor, isSafe: isSafe)
}
