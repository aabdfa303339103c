import Foundation

/// The output of a child process to one pipe, read as it arrives.
final class ChildOutput: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var hasEnded = false

        var lines: [Substring] {
            String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        }
    }

    private let state = Guarded(State())

    /// Reads from `descriptor`, and closes it at the end.
    init(_ descriptor: Int32) {
        let state = state
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 64 * 1024)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                state.with { $0.bytes += buffer[..<count] }
            }
            close(descriptor)
            state.with { $0.hasEnded = true }
        }
    }

    /// The output so far.
    var text: String { state.with { String(decoding: $0.bytes, as: UTF8.self) } }

    /// The whole output, once the other side has closed the pipe.
    func wholeText() throws -> String {
        let text = state.wait { $0.hasEnded ? String(decoding: $0.bytes, as: UTF8.self) : nil }
        guard let text else { throw HarnessError("the output does not end: \(self.text)") }
        return text
    }

    /// Waits for a line that contains `part`.
    func line(containing part: String) throws -> String {
        let found: String?? = state.wait { state in
            if let line = state.lines.first(where: { $0.contains(part) }) {
                return .some(String(line))
            }
            return state.hasEnded ? .some(nil) : nil
        }
        guard let line = found.flatMap(\.self) else {
            throw HarnessError("no line with '\(part)' came, but: \(text)")
        }
        return line
    }
}
