import CLinux
import Glibc
import System

/// Standard output, in large writes.
final class StandardOutput {
    private var bytes: [UInt8] = []
    private let isTerminal = isatty(STDOUT_FILENO) == 1
    private var wantsPager: Bool
    private var pager: Pager?

    private static let bufferBytes = 64 * 1024

    /// A failed write to standard output.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameter isPaged: true to send it through a pager if it goes to a terminal.
    init(isPaged: Bool = false) { wantsPager = isPaged && isatty(STDOUT_FILENO) == 1 }

    /// The width of the terminal; nil if standard output is not one.
    static var terminalColumns: Int? {
        guard isatty(STDOUT_FILENO) == 1 else { return nil }
        let columns = Int(clinux_terminal_columns(STDOUT_FILENO))
        return columns > 0 ? columns : 80
    }

    /// True if colors are wanted (https://no-color.org).
    static var hasColours: Bool {
        func isSet(_ name: String) -> Bool { getenv(name).map { $0.pointee != 0 } ?? false }
        guard isatty(STDOUT_FILENO) == 1, !isSet("NO_COLOR") else { return false }
        return getenv("TERM").map { String(cString: $0) != "dumb" } ?? false
    }

    /// Lets `append` add to the output.
    ///
    /// - Parameter isSafe: true if it adds nothing that a terminal would obey.
    func write(isSafe: Bool = false, _ append: (inout [UInt8]) throws -> Void) throws {
        let start = bytes.count
        try append(&bytes)
        if isTerminal, !isSafe {
            bytes.replaceSubrange(start..., with: PrintedText.escaped(bytes[start...]))
        }
        if bytes.count >= Self.bufferBytes { try flush() }
    }

    /// Writes everything that is buffered.
    func flush() throws(Failure) {
        defer { bytes.removeAll(keepingCapacity: true) }
        if wantsPager, !bytes.isEmpty {
            wantsPager = false
            pager = Pager()
        }
        guard PrintedText.write(bytes, to: STDOUT_FILENO, isSafe: true) else {
            let code = errno
            if code == EPIPE {
                // Its reader has seen enough.
                guard pager == nil else {
                    pager = nil
                    exit(EXIT_SUCCESS)
                }
                Self.endByBrokenPipe()
            }
            throw Failure(
                description: "cannot write to standard output: \(SystemError.text(of: code))")
        }
    }

    /// Ends the program when its reader has closed the pipe, as `head` does. It ends as the system
    /// would end it: silently, and in a way that shells understand.
    static func endByBrokenPipe() -> Never {
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
        // In case the signal is blocked.
        exit(128 + SIGPIPE)
    }
}
