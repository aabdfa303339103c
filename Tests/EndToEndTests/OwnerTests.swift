import Foundation
import TestSupport
import Testing

/// Only one process writes a database, on its own disk.
@Suite("One owner")
struct OwnerTests {
    @Test("A second process waits, says who holds the database, and exits with 3", .ofFile(.lock))
    func second() throws {
        let first = try LogbookProcess()
        let command = try Command(
            BuiltProgram.path,
            [
                "serve", "--listen", "127.0.0.1:0", "--database", first.database,
                "--lock-timeout", "0.1",
            ])
        #expect(command.status == 3)
        let words = ["is in use by process", "on \(ProcessInfo.processInfo.hostName)", "since 2"]
        for word in words { #expect(command.errors.contains(word), "\(command.errors)") }
        #expect(try first.post(NewEvent().json).status == 201)
    }

    @Test("A second process by another name of the file is the second one still", .ofFile(.lock))
    func link() throws {
        let first = try LogbookProcess()
        let link = first.folder.file("link.db")
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: first.database)
        let command = try Command(
            BuiltProgram.path,
            ["serve", "--listen", "127.0.0.1:0", "--database", link, "--lock-timeout", "0"])
        #expect(command.status == 3, "\(command.errors)")
    }

    @Test("The next one starts while the last one ends, and then continues", .ofFile(.lock))
    func overlapping() throws {
        let first = try LogbookProcess(flags: ["--shutdown-delay", "3000"])
        try first.post(NewEvent(id: "e").json)
        let second = try LogbookProcess(
            in: first.folder, flags: ["--lock-timeout", "300"], awaitsReady: false)
        try second.logLine(containing: "Waiting for process")
        let version = try second.exchange("GET", "/schema/version")
        #expect(version.status == 200)
        #expect(version.text.contains(#""status":"migrating""#))
        #expect(try second.exchange("GET", "/healthz").status == 200)
        try second.exchange("GET", "/readyz").problem(503)
        try second.exchange("POST", "/events", NewEvent().json).problem(503)
        first.kill()
        try second.awaitReady()
        #expect(try second.exchange("GET", "/events/e").status == 200)
    }

    @Test("Every file beside the database is its owner's alone", .ofFile(.disk))
    func permissions() throws {
        let server = try LogbookProcess()
        try server.store([NewEvent()])
        let names = try FileManager.default.contentsOfDirectory(atPath: server.folder.path)
        for suffix in ["", "-wal", "-shm", ".lock", ".reserve"] {
            #expect(names.contains("logbook.db\(suffix)"))
        }
        for name in names {
            let mode = try Command.output("stat", "-c", "%a", server.folder.file(name))
            #expect(mode == "600\n", "\(name)")
        }
    }

    @Test("A network file system is refused before anything is made on it, unless allowed")
    func network() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("logbook.db")
        let environment = try FaultyDisk(type: 0x6969).environment(of: path)
        let flags = ["serve", "--listen", "127.0.0.1:0", "--database", path]
        let refused = try Command(BuiltProgram.path, flags, environment: environment)
        #expect(refused.status == 3)
        for word in ["network file system (NFS)", path, "--allow-network-filesystem"] {
            #expect(refused.errors.contains(word), "\(refused.errors)")
        }
        #expect(try folder.contents().isEmpty)
        let allowed = try LogbookProcess(
            in: folder, flags: ["--allow-network-filesystem", "true"], environment: environment)
        #expect(try allowed.post(NewEvent().json).status == 201)
    }

    @Test(
        "User 10001 with a read-only root file system opens, migrates and vacuums",
        .enabled(if: getuid() == 0))
    func readOnlyRoot() throws {
        let volume = try Volume(bytes: 256 << 20)
        let path = volume.folder.file("logbook.db")
        // So many that sorting and vacuuming need temporary files.
        try Version1.make(path, Version1.rows(40_000))
        _ = try Command.output("cp", BuiltProgram.path, volume.folder.file("logbook"))
        _ = try Command.output("chown", "-R", "10001", volume.folder.path)
        // Other mounts, such as the volume, stay writable.
        let script = "mount -o remount,bind,ro / && cd / && exec \"$@\""
        let child = try ChildProcess(
            "unshare",
            [
                "--mount", "sh", "-c", script, "sh", "setpriv", "--reuid", "10001", "--pdeathsig",
                "KILL", "--regid",
                "10001", "--clear-groups", volume.folder.file("logbook"), "serve", "--listen",
                "127.0.0.1:0", "--database", path,
            ] + LogbookProcess.keeping)
        let line = try child.standardError.line(containing: "Listening on http://")
        let port = try #require(line.split(separator: ":").last.flatMap { UInt16($0) })
        _ = try child.standardError.line(containing: "Using existing database")
        let client = try RawClient(port: port)
        let deadline = Patience.deadline
        while try client.exchange("GET", "/readyz").status != 200, Date() < deadline {
            usleep(2_000)  // There is no event to wait for: only asking tells.
        }
        #expect(try client.exchange("POST", "/events", NewEvent().json).status == 201)
        child.signal(SIGTERM)
        #expect(try child.waitForExit() == 0)
        // A request may be slow here; nothing else deserves a warning.
        let warnings = child.standardError.text.split(separator: "\n").filter {
            $0.contains(" warning ") && !$0.contains(" duration_us=")
        }
        #expect(warnings.isEmpty, "\(warnings)")
        let owner = try Command.output("stat", "-c", "%u", path)
        #expect(owner == "10001\n")
    }
}
