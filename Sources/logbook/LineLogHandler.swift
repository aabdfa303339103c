import CLinux
import Events
import Glibc
import Logging

/// Writes a log line to standard error: time, level, message, metadata as `key=value`.
struct LineLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let now = Timestamp(milliseconds: clinux_realtime_milliseconds())?.text ?? ""
        var line = "\(now) \(event.level) \(event.message)"
        let metadata = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
        // What a message quotes must not be able to begin a line of its own.
        var bytes = line.utf8.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: " ") : $0 }
        bytes.append(UInt8(ascii: "\n"))
        // One write, so that lines of several threads do not mix. Where standard error is closed,
        // nobody listens.
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
