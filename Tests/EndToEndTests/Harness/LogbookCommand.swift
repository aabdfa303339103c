import Foundation
import TestSupport

/// Runs of the built program's commands other than `serve`.
enum LogbookCommand {
    static func run(
        _ arguments: String..., environment: [String: String] = [:]
    ) throws -> Command {
        try Command(BuiltProgram.path, arguments, environment: environment)
    }

    /// Returns the output; throws if it does not exit with 0.
    static func output(
        _ arguments: String..., environment: [String: String] = [:]
    ) throws -> String {
        let command = try Command(BuiltProgram.path, arguments, environment: environment)
        guard command.status == 0 else {
            throw HarnessError("\(arguments) exited with \(command.status): \(command.errors)")
        }
        return command.output
    }

    /// Runs `line` in a shell whose `logbook` is the built program.
    static func shell(_ line: String, environment: [String: String] = [:]) throws -> Command {
        try Command(
            "bash", ["-c", "logbook() { \"$LOGBOOK\" \"$@\"; }\n\(line)"],
            environment: environment.merging(["LOGBOOK": BuiltProgram.path]) { $1 })
    }

    /// Runs `line` on a terminal of this width with `input` typed in, and returns the screen's
    /// text.
    static func terminal(
        columns: Int, _ line: String, input: String = "", environment: [String: String] = [:]
    ) throws -> [String] {
        let folder = try TemporaryFolder()
        try input.write(toFile: folder.file("input"), atomically: true, encoding: .utf8)
        let run = try Command(
            "bash",
            [
                "-c", "script -qec \"$1\" /dev/null < \"$2\"", "bash",
                "stty cols \(columns); \(line)", folder.file("input"),
            ],
            environment: environment.merging(
                ["LOGBOOK": BuiltProgram.path, "TERM": "xterm", "SHELL": "/bin/bash"]) { $1 })
        guard run.status == 0 else {
            throw HarnessError("'\(line)' exited with \(run.status): \(run.output)")
        }
        return run.output.replacingOccurrences(of: "\r", with: "").split(separator: "\n").map(
            String.init)
    }
}
