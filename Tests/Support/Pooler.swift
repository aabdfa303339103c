import Foundation

/// A PgBouncer with one session of a server for all its clients.
public final class Pooler: Sendable {
    /// The URL of a new database through it.
    public let url: String
    private let companion: Companion

    /// Starts one before the shared server.
    public init() throws {
        let server = try PostgreSQLServer.shared.get()
        let database = try server.makeDatabase()
        let folder = try Companion.makeFolder("pgbouncer")
        let settings = """
            [databases]
            * = host=\(server.folder) port=\(server.port) user=logbook
            [pgbouncer]
            listen_addr =
            unix_socket_dir = \(folder)
            auth_type = any
            pool_mode = transaction
            default_pool_size = 1
            log_connections = 0
            log_disconnections = 0
            """
        try Data(settings.utf8).write(to: URL(filePath: folder + "/pgbouncer.ini"))
        companion = try Companion(
            folder, start: "/usr/sbin/pgbouncer pgbouncer.ini 2>&1 & program=$!",
            stop: "kill -KILL $program", argument: "", marker: "process up")
        url = "postgresql://logbook@/\(database)?host=\(PostgreSQLServer.escaped(folder))&port=6432"
    }
}
