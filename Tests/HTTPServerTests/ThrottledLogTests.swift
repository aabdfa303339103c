import Logging
import Synchronization
import System
import Testing

@testable import HTTPServer

@Suite("The log of what clients do wrong")
struct ThrottledLogTests {
    private final class Lines: Sendable {
        let texts = Mutex<[String]>([])

        var logger: Logger {
            Logger(label: "test") { _ in Handler(lines: self) }
        }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        init(lines: Lines) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.texts.withLock { $0.append("\(event.level) \(event.message)") }
        }
    }

    @Test("So many lines a second, and how many were left out with the next")
    func bound() {
        let lines = Lines()
        let log = ThrottledLog(lines.logger, level: .info)
        func note(_ text: String, now: UInt64) { log.note(now: now) { (text, [:]) } }
        func count() -> Int { lines.texts.withLock { $0.count } }
        let bound = ThrottledLog.linesPerSecond
        for number in 0..<(bound + 3) { note("error \(number)", now: 5) }
        #expect(count() == bound)
        note("one more", now: 5 + 999_999_999)
        note("later", now: 5 + 1_000_000_000)
        #expect(count() == bound + 1)
        let texts = lines.texts.withLock { $0 }
        #expect(texts.contains("info error 0"))
        #expect(texts.last == "info later; 4 more like it were not logged")
    }

    @Test("The address is the client's")
    func address() throws {
        try TestServer.run { server in
            let client = try server.connect()
            #expect("\(PeerAddress(of: client.descriptor))" == "127.0.0.1:\(server.port)")
        }
    }
}
