import Foundation
import TestSupport
import Testing

/// Answers before the store is open.
@Suite("While the database is being migrated", .ofFile(.migration))
struct MigratingTests {
    @Test("Probes are answered, everything else is 503, and then all is served")
    func migrating() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("logbook.db")
        try Version1.make(path, Version1.rows(100))
        // Another program holds the file until it is killed, because nobody writes to the pipe.
        let pipe = folder.file("pipe")
        guard mkfifo(pipe, 0o600) == 0 else { throw HarnessError("no pipe: errno \(errno)") }
        let holder = try ChildProcess(
            "sqlite3", ["-batch", path, "BEGIN EXCLUSIVE", ".shell echo held", ".read '\(pipe)'"])
        _ = try holder.standardOutput.line(containing: "held")

        let server = try LogbookProcess(
            in: folder, flags: ["--backup-before-migrate", "false"], awaitsReady: false)
        #expect(try server.exchange("GET", "/healthz").status == 200)
        let version = try server.exchange("GET", "/schema/version")
        #expect(version.status == 200)
        #expect(version.text.contains(#""latest":2,"status":"migrating""#), "\(version.text)")
        for (method, target) in [
            ("GET", "/readyz"), ("GET", "/events"), ("GET", "/events/e"), ("DELETE", "/events/e"),
            ("POST", "/events"), ("GET", "/schema"), ("GET", "/schema/migrations"),
        ] {
            let response = try server.exchange(
                method, target, method == "POST" ? NewEvent().json : nil)
            try response.problem(503)
            #expect(response.header("Retry-After").flatMap { Int($0) } != nil, "\(target)")
        }
        holder.kill()
        try server.awaitReady()
        #expect(try server.post(NewEvent().json).status == 201)
        #expect(try server.walk("limit=1000").count == 101)
    }
}
