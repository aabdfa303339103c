import Dispatch
import Glibc
import Synchronization

/// Log lines on their way to a descriptor, written on their own queue so that logging never waits
/// for the reader. Lines that do not fit are counted, and reported once lines are accepted again.
final class LogOutput: Sendable {
    private struct State {
        /// The bytes of queued lines.
        var bytes = 0
        /// The lines dropped since the last accepted one.
        var dropped = 0
    }

    private let descriptor: Int32
    private let queue = DispatchQueue(label: "logbook.log")
    private let state = Mutex(State())

    static let standardError: LogOutput = {
        // A normal exit gives the last lines a moment, but a full pipe must not hold it up.
        atexit { LogOutput.standardError.flush() }
        return LogOutput(STDERR_FILENO)
    }()

    /// The most bytes of queued lines.
    static let waitingBytes = 1024 * 1024
    private static let flushMilliseconds = 250

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Queues `line` if there is space for it. `note` makes the line that reports the number of
    /// dropped ones.
    func write(_ line: [UInt8], note: @escaping @Sendable (Int) -> [UInt8]) {
        let isTaken = state.withLock { state in
            guard state.bytes + line.count <= Self.waitingBytes else {
                state.dropped += 1
                return false
            }
            state.bytes += line.count
            return true
        }
        guard isTaken else { return }
        queue.async { [self] in
            writeNow(line)
            let dropped = state.withLock { state in
                state.bytes -= line.count
                defer { state.dropped = 0 }
                return state.dropped
            }
            if dropped > 0 { writeNow(note(dropped)) }
        }
    }

    /// Waits a moment for queued lines to be written.
    func flush() {
        let isWritten = DispatchSemaphore(value: 0)
        queue.async { isWritten.signal() }
        _ = isWritten.wait(timeout: .now() + .milliseconds(Self.flushMilliseconds))
    }

    private func writeNow(_ line: [UInt8]) {
        var rest = line[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EAGAIN {
                // Another process that shares the pipe has made it non-blocking.
                var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&state, 1, -1)
            } else if count < 0, errno != EINTR {
                // Standard error is closed, so nobody listens.
                return
            } else if count > 0 {
                rest = rest.dropFirst(count)
            }
        }
    }
}
