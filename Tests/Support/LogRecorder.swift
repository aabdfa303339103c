public import Logging
import Synchronization

/// Records log messages.
public final class LogRecorder: Sendable {
    /// A line of the log.
    public struct Line: Equatable, Sendable {
        /// Its level.
        public let level: Logger.Level
        /// Its text.
        public let message: String

        /// A line as a test expects it.
        public init(level: Logger.Level, message: String) {
            self.level = level
            self.message = message
        }
    }

    private let recorded = Mutex<[Line]>([])
    private let stream: AsyncStream<Line>
    private let continuation: AsyncStream<Line>.Continuation
    private let onLine: @Sendable (Line) -> Void

    /// - Parameter onLine: is called with each line, where it is logged.
    public init(onLine: @escaping @Sendable (Line) -> Void = { _ in }) {
        self.onLine = onLine
        (stream, continuation) = AsyncStream.makeStream()
    }

    /// Logs into this.
    public var logger: Logger {
        Logger(label: "test") { _ in Handler(recorder: self) }
    }

    /// The logged lines.
    public var lines: [Line] { recorded.withLock { $0 } }

    /// The texts alone.
    public var messages: [String] { lines.map(\.message) }

    /// Waits until `message` is logged; may be called once.
    public func wait(for message: String, isPrefix: Bool = false) async {
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
