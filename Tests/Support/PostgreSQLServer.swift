import Foundation
import Synchronization

/// A PostgreSQL server for tests, on a Unix socket in a folder of its own. It ends, and its folder
/// goes, with the last reference or with the test process, even if that is killed.
public final class PostgreSQLServer: Sendable {
    /// The folder of the socket, readable by the server's user alone.
    public let folder: String
    /// The port, which also names the socket.
    public let port: UInt16
    private let companion: Companion
    private static let databaseCount = Atomic(0)

    /// The server that tests share. Its databases are theirs alone.
    public static let shared: Result<PostgreSQLServer, any Error> = Result {
        try PostgreSQLServer()
    }

    /// The URL of a new database on the shared server.
    public static func database() throws -> String {
        let server = try shared.get()
        return server.url(try server.makeDatabase())
    }

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - settings: lines for postgresql.conf.
    ///   - access: lines of pg_hba.conf, which by default trusts everybody.
    ///   - port: of the socket and, if the settings have it listen, of TCP.
    ///   - prepare: adds files to the folder, which the server's user then owns.
    public convenience init(
        settings: [String] = [], access: String? = nil, port: UInt16 = 5432,
        prepare: (_ folder: String) throws -> Void = { _ in }
    ) throws {
        try self.init(
            settings: settings, port: port,
            make: #""$1/initdb" -D data -U logbook -A trust -E UTF8 --locale=C --no-sync"#
        ) { folder in
            if let access { try Data(access.utf8).write(to: URL(filePath: folder + "/hba.conf")) }
            try prepare(folder)
        }
    }

    /// Starts a standby of `primary`, which replicates asynchronously unless the primary's settings
    /// say otherwise.
    public convenience init(standbyOf primary: PostgreSQLServer, settings: [String] = []) throws {
        try self.init(
            settings: settings, port: primary.port,
            make: """
                "$1/pg_basebackup" -D data -h '\(primary.folder)' -p \(primary.port) -U logbook \
                    -R -X stream -c fast --no-sync
                """
        ) { _ in }
    }

    private init(
        settings: [String], port: UInt16, make: String, prepare: (_ folder: String) throws -> Void
    ) throws {
        self.port = port
        let folder = try Companion.makeFolder("postgresql")
        self.folder = folder
        let all =
            [
                "listen_addresses = ''", "unix_socket_directories = '\(folder)'", "port = \(port)",
                "max_connections = 200", "shared_buffers = '16MB'", "fsync = on",
                "lc_messages = 'C'",
            ] + settings
        try Data((all.joined(separator: "\n") + "\n").utf8).write(
            to: URL(filePath: folder + "/settings.conf"))
        try prepare(folder)
        companion = try Companion(
            folder,
            start: """
                \(make) >log 2>&1 &&
                    cat settings.conf >>data/postgresql.conf &&
                    { test ! -e hba.conf || cp hba.conf data/pg_hba.conf; } &&
                    "$1/pg_ctl" -D data -l log -w start >/dev/null && echo ready
                """,
            stop: #""$1/pg_ctl" -D data -m immediate stop >/dev/null"#,
            argument: try Self.binaries(), marker: "ready")
    }

    /// Runs pg_ctl: `restart`, `stop`, `start` or `promote`, and waits for its end. What stops,
    /// stops at once, as in a crash.
    public func control(_ action: String) throws {
        let mode = action == "stop" || action == "restart" ? ["-m", "immediate"] : []
        try Companion.run(
            Companion.asServiceUser(
                [
                    try Self.binaries() + "/pg_ctl", "-D", folder + "/data", "-l", folder + "/log",
                    "-w",
                    "-s",
                ] + mode + [action]), in: folder)
    }

    /// Creates a database, and returns its name.
    public func makeDatabase() throws -> String {
        let number = Self.databaseCount.wrappingAdd(1, ordering: .relaxed).newValue
        _ = try query("CREATE DATABASE test_\(number)")
        return "test_\(number)"
    }

    /// The URL of a database, over the socket.
    public func url(_ database: String) -> String {
        "postgresql://logbook@/\(database)?host=\(Self.escaped(folder))&port=\(port)"
    }

    /// Percent-encodes a value of a URL's query.
    public static func escaped(_ value: String) -> String {
        value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? value
    }

    /// The output of `sql` by psql, without a last newline.
    public func query(_ sql: String, database: String = "postgres") throws -> String {
        let psql = Process()
        psql.executableURL = URL(filePath: try Self.binaries() + "/psql")
        psql.arguments = [
            "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", folder, "-p", "\(port)", "-U",
            "logbook", "-d", database, "-c", sql,
        ]
        let output = Pipe()
        psql.standardOutput = output
        try psql.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        psql.waitUntilExit()
        guard psql.terminationStatus == 0 else {
            throw Companion.Failure(text: "psql fails: \(sql)")
        }
        return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    /// The folder of the newest installed server's programs. Debian keeps them off the PATH.
    private static func binaries() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let paths = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let folders =
            versions.compactMap(Int.init).sorted(by: >).map { "\(root)/\($0)/bin" }
            + paths.map(String.init)
        let found = folders.first {
            FileManager.default.isExecutableFile(atPath: $0 + "/initdb")
        }
        guard let found else {
            throw Companion.Failure(
                text: "no initdb here; `scripts/setup test` installs PostgreSQL")
        }
        return found
    }
}

/// A program that runs as long as this object and the test process do. It does not run as root.
public final class Companion: Sendable {
    /// A program that did not start.
    public struct Failure: Error, CustomStringConvertible {
        /// The reason.
        public let text: String
        /// The reason.
        public var description: String { text }
    }

    private let shell: Process
    /// The shell stops the program when the last writer of this pipe is gone: this process.
    private let life: Pipe
    private let output: Pipe

    /// Starts a program, and waits for its marker.
    ///
    /// - Parameters:
    ///   - folder: becomes the working folder and the property of the program's user; it is removed
    ///     with the program.
    ///   - start: starts the program in the background, by sh.
    ///   - stop: stops it.
    ///   - argument: is `$1` in both.
    ///   - marker: part of the output once the program is ready.
    public init(
        _ folder: String, start: String, stop: String, argument: String, marker: String
    ) throws {
        // A session of its own, so that Ctrl-C ends only the tests, and the shell cleans up.
        let script = """
            { \(start)
            } || { cat log; rm -rf "$PWD"; exit 1; }
            cat >/dev/null
            \(stop)
            rm -rf "$PWD"
            """
        if let (uid, gid) = try Self.serviceUser {
            try Self.run(["chown", "-R", "\(uid):\(gid)", folder])
        }
        let command = try Self.asServiceUser([
            "setsid", "--wait", "sh", "-c", script, "sh", argument,
        ])
        shell = Process()
        life = Pipe()
        output = Pipe()
        for pipe in [life, output] {
            // Programs that tests start must not hold them open.
            _ = fcntl(pipe.fileHandleForReading.fileDescriptor, F_SETFD, FD_CLOEXEC)
            _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
        shell.executableURL = URL(filePath: "/usr/bin/env")
        shell.arguments = command
        shell.currentDirectoryURL = URL(filePath: folder)
        shell.standardInput = life
        shell.standardOutput = output
        try shell.run()
        var text = ""
        while !text.contains(marker) {
            let piece = output.fileHandleForReading.availableData
            guard !piece.isEmpty else { break }
            text += String(decoding: piece, as: UTF8.self)
        }
        guard text.contains(marker) else {
            throw Failure(text: "a program for tests does not start: \(text)")
        }
    }

    deinit {
        try? life.fileHandleForWriting.close()
        shell.waitUntilExit()
    }

    /// The user of programs that refuse to run as root; nil if this process is another's.
    private static var serviceUser: (uid: uid_t, gid: gid_t)? {
        get throws {
            guard getuid() == 0 else { return nil }
            guard let user = getpwnam("postgres") ?? getpwnam("nobody") else {
                throw Failure(text: "there is no user for a program that refuses to run as root")
            }
            return (user.pointee.pw_uid, user.pointee.pw_gid)
        }
    }

    /// The command that runs `command` as the user of such programs.
    public static func asServiceUser(_ command: [String]) throws -> [String] {
        guard let (uid, gid) = try serviceUser else { return command }
        return ["setpriv", "--reuid=\(uid)", "--regid=\(gid)", "--clear-groups"] + command
    }

    /// A new folder for a program, with a path that is short enough for a socket's.
    public static func makeFolder(_ name: String) throws -> String {
        let path = NSTemporaryDirectory() + "logbook-\(name)-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
        return path
    }

    /// Runs a command to its end, which leaves nothing open for what it starts in the background.
    /// `Process` would wait for that, too.
    public static func run(_ command: [String], in folder: String? = nil) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        var arguments =
            (["env"] + (folder.map { ["-C", $0] } ?? []) + command).map { strdup($0) } + [nil]
        var variables =
            ProcessInfo.processInfo.environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var child: pid_t = 0
        var status: Int32 = 0
        guard posix_spawn(&child, "/usr/bin/env", &actions, nil, &arguments, &variables) == 0,
            waitpid(child, &status, 0) == child, status == 0
        else { throw Failure(text: "\(command.joined(separator: " ")) fails") }
    }
}
