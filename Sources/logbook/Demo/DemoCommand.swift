import ArgumentParser
import Dispatch
import Events
import Glibc
import Synchronization
import System

/// `logbook demo`
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Serve a made-up day of a cluster, to look around.",
        discussion: """
            The database is in a temporary folder, which is removed at the end (Ctrl-C). Only this \
            machine can reach the service.

            Example: logbook demo
            """)

    @Option(help: "The port on 127.0.0.1. (default: 8080 if it is free, else any)")
    var port: UInt16?

    /// The folder to remove at the end.
    private static let folder = Mutex<String?>(nil)

    private static let usualPort: UInt16 = 8080
    /// The longest wait for the service to take the events.
    private static let patience = Patience(seconds: 20, isQuiet: true)

    func run() throws {
        // Before the first thread, so that none of them gets a signal.
        _ = Signals()
        let port = port ?? Self.freePort(Self.usualPort) ?? Self.freePort(0) ?? Self.usualPort
        let folder = try Self.makeFolder()
        let address = "http://127.0.0.1:\(port)"
        let serve = try ServeCommand.parse([
            "--listen", "127.0.0.1:\(port)", "--database", "\(folder)/logbook.db", "--log-level",
            "warning",
        ])
        DispatchQueue.global().async {
            do {
                try reportingFailures(of: address) { try Self.fill(address) }
            } catch {
                Glibc.exit(EXIT_FAILURE)
            }
        }
        try serve.run()
    }

    /// Stores the day's events once the service takes them, and says what to do next.
    private static func fill(_ address: String) throws {
        let client = try TrustOptions.parse([]).client(of: address, timeoutSeconds: 10)
        let events = DemoDay(endingAt: Timestamp.now()).lines
        _ = try patience.retrying { () throws(ClientError) in
            try client.request(
                "POST", "/events", headers: [("Content-Type", "application/x-ndjson")],
                body: events)
        }
        let server = address.hasSuffix(":\(usualPort)") ? "" : " --server \(address)"
        printToStandardOutput(
            """
            Logbook serves the last day of a made-up cluster on \(address)
            Open that in a browser, or try in another terminal:
              logbook events\(server) --severity-min warning --since 1h
              logbook events stats\(server) --since 24h --by severity,object
            Ctrl-C ends it and removes everything.
            """)
    }

    /// Makes the folder, which goes when the process ends.
    private static func makeFolder() throws -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/logbook-demo.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            printToStandardError(
                "Cannot create a folder in \(parent): \(SystemError.text(of: errno))")
            throw ExitCode.failure
        }
        let path = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        folder.withLock { $0 = path }
        atexit { DemoCommand.removeFolder() }
        return path
    }

    private static func removeFolder() {
        guard let path = folder.withLock({ $0 }), let entries = opendir(path) else { return }
        while let entry = readdir(entries) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            unlink("\(path)/\(name)")
        }
        closedir(entries)
        rmdir(path)
    }

    /// `port` if it is free on the loopback address, for 0 any free one; otherwise nil.
    private static func freePort(_ port: UInt16) -> UInt16? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var on: Int32 = 1
        setsockopt(
            descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isFree = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, size) == 0 && getsockname(descriptor, pointer, &size) == 0
            }
        }
        return isFree ? UInt16(bigEndian: address.sin_port) : nil
    }
}
