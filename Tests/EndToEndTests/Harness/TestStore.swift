import Foundation
import Synchronization
import TestSupport
import Testing

/// The kind of store that the tests run the service on: a file, or with
/// `LOGBOOK_TEST_STORE=postgresql` a database on a server of the tests' own.
enum TestStore {
    static let isPostgreSQL =
        ProcessInfo.processInfo.environment["LOGBOOK_TEST_STORE"] == "postgresql"

    private static let databases = Mutex<[String: String]>([:])

    /// The flags of the database that stands for the file at `path`.
    static func flags(_ path: String) throws -> [String] {
        guard isPostgreSQL else { return ["--database", path] }
        let url = try databases.withLock { databases in
            if let url = databases[path] { return url }
            let url = try PostgreSQLServer.database()
            databases[path] = url
            return url
        }
        return ["--store", url]
    }
}

/// Something that only a file has; docs/postgresql.md has a table of them.
enum FileOnly: String, CaseIterable {
    case backup, bytes, commands, content, disk, figures, lock, memory, migration, version
}

extension Trait where Self == ConditionTrait {
    /// A test of something that only a file has.
    static func ofFile(_ what: FileOnly) -> Self {
        .enabled(if: !TestStore.isPostgreSQL, "\(what.rawValue): only a file has it")
    }
}
