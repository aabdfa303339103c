import ArgumentParser
import EventStore
import Events
import Glibc
import Logging
import PostgreSQL
import PostgreSQLStore
import SQLiteStore

/// The database of `serve`: a file, or one in PostgreSQL.
struct StoreOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The database file. (default: \(Self.defaultFile))", valueName: "path"),
        completion: .file())
    var database: String?

    @Option(
        help: ArgumentHelp(
            "A PostgreSQL database instead of a file, such as postgresql://logbook@db.example/logbook, which several "
                + "processes may share. (default: none)", valueName: "url"))
    var store: String?

    @Option(
        help: ArgumentHelp(
            "The file with the password of --store, read at each connection; PGPASSWORD and .pgpass do as well. "
                + "(default: none)", valueName: "path"),
        completion: .file())
    var storePasswordFile: String?

    @Option(
        defaultAsFlag: true, parsing: .next,
        help:
            "Store nothing while no standby of the --store takes part in commits (true or false). (default: false)"
    )
    var requireReplication: Bool?

    /// All flags above, for the environment.
    static let valueFlags = ["store", "store-password-file", "require-replication", "database"]

    private static let defaultFile = "logbook.db"

    /// The path of the database file.
    var path: String { database ?? Self.defaultFile }

    func validate() throws {
        guard store == nil || database == nil else {
            throw ValidationError("give either --store or --database")
        }
        guard store == nil else {
            _ = try address
            return
        }
        if storePasswordFile != nil {
            throw ValidationError("--store-password-file needs --store")
        }
        if requireReplication == true {
            throw ValidationError("--require-replication needs --store")
        }
    }

    /// The database in PostgreSQL; nil if there is a file.
    var address: PostgreSQLAddress? {
        get throws {
            guard let store else { return nil }
            do throws(PostgreSQLError) {
                return try PostgreSQLAddress(
                    url: store, allowsPassword: false, passwordFile: storePasswordFile)
            } catch {
                throw ValidationError("--store: \(error.message)")
            }
        }
    }
}
