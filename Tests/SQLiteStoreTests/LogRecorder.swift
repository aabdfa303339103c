import Logging
import Synchronization

/// Records log messages.
final class LogRecorder: Sendable {
    struct Line: Equatable, Sendable {
        let level: Logger.Level
        let message: String
    }

    private let recorded = Mutex<[Line]>([])
    private let stream: AsyncStream<Line>
    private let continuation: AsyncStream<Line>.Continuation
    private let onLine: @Sendable (Line) -> Void

    /// - Parameter onLine: is called with each line, where it is logged.
    init(onLine: @escaping @Sendable (Line) -> Void = { _ in }) {
        self.onLine = onLine
        (stream, continuation) = AsyncStream.makeStream()
    }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(recorder: self) }
    }

    var lines: [Line] { recorded.withLock { $0 } }

    var messages: [String] { lines.map(\.message) }

    /// Waits until `message` is logged; may be called once.
    func wait(for message: String, isPrefix: Bool = false) async {
        for await line in stream
        where line.message == message || isPrefix && line.message.hasPrefix(message) { return }
    }

    private func record(_ line: Line) {
        recorded.withLock { $0.append(line) }
        continuation.yield(line)
        onLine(line)
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            recorder.record(Line(level: event.level, message: "\(event.message)"))
        }
    }
}
