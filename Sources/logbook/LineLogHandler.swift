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
        let metadata = metadata.merging(event.metadata ?? [:]) { $1 }
            .sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        let line = Self.line(format, event.level, "\(event.message)", metadata)
        LogOutput.standardError.write(line) { [format] dropped in
            Self.line(
                format, .warning,
                "\(dropped) lines were not logged because standard error was full",
                [])
        }
        // The process may end right after it.
        if event.level == .critical { LogOutput.standardError.flush() }
    }

    private static func line(
        _ format: LogFormat, _ level: Logger.Level, _ message: String,
        _ metadata: [(String, String)]
    ) -> [UInt8] {
        let now = Timestamp(milliseconds: clinux_realtime_milliseconds())?.text ?? ""
        return format.line(time: now, level: level, message: message, metadata: metadata)
    }
}

extension Logger {
    /// Creates a logger to standard error.
    static func lines(_ format: LogFormat = .text, level: Logger.Level) -> Logger {
        Logger(label: "logbook") { _ in LineLogHandler(format, logLevel: level) }
    }
}
