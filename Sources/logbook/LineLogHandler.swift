import CLinux
import Events
import Glibc
import Logging

/// Writes a log line to standard error.
struct LineLogHandler: LogHandler {
    let format: LogFormat
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    init(_ format: LogFormat = .text, logLevel: Logger.Level) {
        self.format = format
        self.logLevel = logLevel
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let now = Timestamp(milliseconds: clinux_realtime_milliseconds())?.text ?? ""
        let metadata = metadata.merging(event.metadata ?? [:]) { $1 }
            .sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        let bytes = format.line(
            time: now, level: event.level, message: "\(event.message)", metadata: metadata)
        // One write, so that lines of several threads do not mix. Where standard error is closed,
        // nobody listens.
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}

extension Logger {
    /// A logger to standard error.
    static func lines(_ format: LogFormat = .text, level: Logger.Level) -> Logger {
        Logger(label: "logbook") { _ in LineLogHandler(format, logLevel: level) }
    }
}
