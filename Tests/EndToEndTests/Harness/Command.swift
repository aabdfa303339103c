import Foundation
import TestSupport

/// A program that has run to its end.
struct Command {
    let status: Int32
    let output: String
    let errors: String

    /// Runs `program`, found by PATH.
    init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        let child = try ChildProcess(program, arguments, environment: environment)
        status = try child.waitForExit()
        output = try child.standardOutput.wholeText()
        errors = try child.standardError.wholeText()
    }

    /// Runs `program` and returns its output.
    ///
    /// - Throws: if it does not exit with 0.
    static func output(_ program: String, _ arguments: String...) throws -> String {
        let command = try Command(program, arguments)
        guard command.status == 0 else {
            throw HarnessError("\(program) exited with \(command.status): \(command.errors)")
        }
        return command.output
    }

    /// Runs `sql` on the database file at `path` in the `sqlite3` program, and returns the rows.
    @discardableResult
    static func sqlite(_ path: String, _ sql: String) throws -> [String] {
        try output("sqlite3", "-bail", "-batch", path, sql).split(
            separator: "\n", omittingEmptySubsequences: false
        ).dropLast().map(String.init)
    }

    /// The same on a copy of the file, because that program would move the WAL.
    static func sqlite(ofCopy path: String, _ sql: String) throws -> [String] {
        let copy = try TemporaryFolder()
        for suffix in ["", "-wal", "-journal"]
        where FileManager.default.fileExists(atPath: path + suffix) {
            try FileManager.default.copyItem(
                atPath: path + suffix, toPath: copy.file("copy.db" + suffix))
        }
        return try sqlite(copy.file("copy.db"), sql)
    }
}
