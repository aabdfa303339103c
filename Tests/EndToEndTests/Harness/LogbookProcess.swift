import Foundation
import TestSupport

/// `logbook serve` on a port that the system chose. It is killed at the latest with the last
/// reference.
final class LogbookProcess: Sendable {
    let folder: TemporaryFolder
    let database: String
    let port: UInt16
    /// The TLS port, if `flags` ask for one.
    let securePort: UInt16?
    private let child: ChildProcess

    /// Starts the program, and returns when it listens.
    ///
    /// - Parameters:
    ///   - database: a file in `folder`; nil leaves it to `environment`.
    ///   - dataBytes: the most memory it may allocate, like a container's limit.
    ///   - awaitsReady: true to wait for the store to be open too.
    init(
        in folder: TemporaryFolder? = nil, database: String? = "logbook.db", flags: [String] = [],
        environment: [String: String] = [:], dataBytes: Int? = nil, awaitsReady: Bool = true
    ) throws {
        self.folder = try folder ?? TemporaryFolder()
        self.database = self.folder.file(database ?? "logbook.db")
        // A test's own retention flags come last and win.
        var arguments = ["serve", "--listen", "127.0.0.1:0"] + Self.keeping + flags
        if database != nil { arguments += try TestStore.flags(self.database) }
        if let dataBytes {
            child = try ChildProcess(
                "prlimit", ["--data=\(dataBytes)", BuiltProgram.path] + arguments,
                environment: environment)
        } else {
            child = try ChildProcess(BuiltProgram.path, arguments, environment: environment)
        }
        port = try Self.port(child, of: "http")
        let isSecure = flags.contains { $0.hasPrefix("https://") }
        securePort = isSecure ? try Self.port(child, of: "https") : nil
        guard awaitsReady else { return }
        do {
            try self.awaitReady()
        } catch {
            throw HarnessError("\(error): \(log)")
        }
    }

    /// The tests' events have fixed times and must not expire. Any name for the server is accepted.
    static let keeping =
        ["--allowed-host", "a,b,h,example"]
        + ["info", "warning", "error", "critical"].flatMap {
            ["--retain-\($0)", "off"]
        }

    private static func port(_ child: ChildProcess, of scheme: String) throws -> UInt16 {
        let line = try child.standardError.line(containing: "Listening on \(scheme)://127.0.0.1:")
        guard
            let port = line.split(separator: ":").last.flatMap({ UInt16($0.prefix { $0.isNumber }) }
            )
        else {
            throw HarnessError("no port in '\(line)'")
        }
        return port
    }

    // The folder is removed after this, when nothing writes to it any more.
    deinit { child.kill() }

    /// Waits until it is ready for traffic and can store events.
    func awaitReady() throws {
        let client = try connect()
        let deadline = Patience.deadline
        while try !client.exchange("GET", "/readyz").text.contains("\"writable\":true") {
            guard Date() < deadline else { throw HarnessError("never ready: \(log)") }
            usleep(2_000)  // There is no event to wait for: only asking tells.
        }
    }

    // MARK: Clients

    /// `http://HOST:PORT`
    var url: String { "http://127.0.0.1:\(port)" }

    func connect() throws -> RawClient { try RawClient(port: port) }

    /// Connects with TLS.
    func connectSecurely() throws -> RawClient {
        guard let securePort else { throw HarnessError("it does not listen with TLS") }
        return try RawClient(port: securePort, isSecure: true)
    }

    /// Sends one request on its own connection.
    @discardableResult
    func exchange(
        _ method: String, _ target: String, _ body: String? = nil,
        headers: [(String, String)] = []
    ) throws -> RawResponse {
        try connect().exchange(method, target, body, headers: headers)
    }

    /// Posts JSON.
    @discardableResult
    func post(_ body: String, to target: String = "/events") throws -> RawResponse {
        try exchange("POST", target, body, headers: [("Content-Type", "application/json")])
    }

    /// Stores `events` in one array, and returns the summary.
    @discardableResult
    func store(_ events: [NewEvent]) throws -> BatchSummary {
        let body = "[" + events.map(\.json).joined(separator: ",") + "]"
        let response = try post(body)
        guard response.status == 200 else { throw HarnessError("not stored: \(response.text)") }
        return try response.decode(BatchSummary.self)
    }

    /// Walks the pages of `query` to the end, calling `between` after each except the last.
    func walk(
        _ query: String, between: (EventList) throws -> Void = { _ in }
    ) throws -> [StoredEvent] {
        let client = try connect()
        var events: [StoredEvent] = []
        var cursor: String?
        var earlier: Set<String> = []
        repeat {
            let parts = [query, cursor.map { "cursor=\($0)" }].compactMap(\.self)
            let target = "/events?" + parts.filter { !$0.isEmpty }.joined(separator: "&")
            let response = try client.exchange("GET", target)
            guard response.status == 200 else { throw HarnessError("no page: \(response.text)") }
            let page = try response.decode(EventList.self)
            events += page.events
            cursor = page.pagination.nextCursor
            if let cursor, !earlier.insert(cursor).inserted {
                throw HarnessError("the walk goes round: \(query) comes to \(cursor) again")
            }
            if cursor != nil { try between(page) }
        } while cursor != nil
        return events
    }

    // MARK: The process

    /// Its standard error so far.
    var log: String { child.standardError.text }

    /// Waits for a line of its log that contains `part`.
    @discardableResult
    func logLine(containing part: String) throws -> String {
        try child.standardError.line(containing: part)
    }

    /// Its own memory in bytes, without file-backed pages. Meaningless under a sanitizer, whose
    /// memory cannot be told apart.
    func anonymousMemory() throws -> Int { try memory("RssAnon:") }

    /// The peak of its memory in bytes, including file-backed pages.
    func peakMemory() throws -> Int { try memory("VmHWM:") }

    private func memory(_ field: String) throws -> Int {
        guard ProcessInfo.processInfo.environment["LOGBOOK_SANITIZER"] == nil else { return 0 }
        let status = try String(contentsOfFile: "/proc/\(child.identifier)/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(field) }),
            let kilobytes = line.split(separator: " ").dropLast().last.flatMap({ Int($0) })
        else { throw HarnessError("no \(field) in '\(status)'") }
        return kilobytes * 1024
    }

    /// The open descriptors by kind: `socket`, `anon_inode`, or the path of a file. Sockets
    /// inherited from the test runner, which does not close them on exec, are left out.
    func descriptors() throws -> [String: Int] {
        let inherited = Set(try Self.openFiles(of: "self"))
        let own = try Self.openFiles(of: "\(child.identifier)").filter {
            !$0.hasPrefix("socket:") || !inherited.contains($0)
        }
        let kinds = own.map { $0.hasPrefix("/") ? $0 : String($0.prefix { $0 != ":" }) }
        return Dictionary(kinds.map { ($0, 1) }, uniquingKeysWith: +)
    }

    private static func openFiles(of process: String) throws -> [String] {
        let folder = "/proc/\(process)/fd"
        return try FileManager.default.contentsOfDirectory(atPath: folder).compactMap { name in
            var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
            let length = target.withUnsafeMutableBytes {
                readlink("\(folder)/\(name)", $0.bindMemory(to: CChar.self).baseAddress!, $0.count)
            }
            // It may have been closed meanwhile.
            return length > 0 ? String(decoding: target[..<length], as: UTF8.self) : nil
        }
    }

    func terminate() { child.signal(SIGTERM) }

    func interrupt() { child.signal(SIGINT) }

    func hangUp() { child.signal(SIGHUP) }

    /// Ends it like a power cut.
    func kill() { child.kill() }

    /// Waits for its end and for the last of its log.
    func waitForExit() throws -> Int32 {
        let status = try child.waitForExit()
        _ = try child.standardError.wholeText()
        return status
    }

    /// Shuts it down in order.
    func stop() throws {
        terminate()
        let status = try waitForExit()
        guard status == 0 else { throw HarnessError("exited with \(status): \(log)") }
    }
}
