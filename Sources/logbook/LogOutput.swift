import Dispatch
import Glibc
import Synchronization

/// Lines on their way to a descriptor, written on a queue of their own: whoever logs never waits for
/// whoever reads. What does not fit is counted, and told once lines are taken again.
final class LogOutput: Sendable {
    private struct State {
        /// Of lines that wait to be written.
        var bytes = 0
        /// Lines since the last one that was taken.
        var dropped = 0
    }

    private let descriptor: Int32
    private let queue = DispatchQueue(label: "logbook.log")
    private let state = Mutex(State())

    static let standardError: LogOutput = {
        // A normal end gives the last lines a moment; a pipe that is full must not hold it up.
        atexit { LogOutput.standardError.flush() }
        return LogOutput(STDERR_FILENO)
    }()

    /// Bytes of lines that wait to be written.
    static let waitingBytes = 1024 * 1024
    private static let flushMilliseconds = 250

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Has `line` written, if there is room for it. `note` makes the line that tells how many there was no
    /// room for.
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

    /// Waits a moment for what has been logged to be written.
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
                // Somebody who shares the pipe has made it non-blocking.
                var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&state, 1, -1)
            } else if count < 0, errno != EINTR {
                // Where standard error is closed, nobody listens.
                return
            } else if count > 0 {
                rest = rest.dropFirst(count)
            }
        }
    }
}
