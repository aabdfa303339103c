import ArgumentParser
import Glibc

/// Settings from the environment: `LOGBOOK_SOME_FLAG` sets `--some-flag`, with the same checks and
/// messages.
enum Environment {
    /// The flags of each subcommand that can be set there.
    static let valueFlags = [
        ["serve"]: ServeCommand.valueFlags,
        ["backup"]: BackupCommand.valueFlags,
        ["restore"]: RestoreCommand.valueFlags,
        ["check"]: CheckCommand.valueFlags,
        ["healthcheck"]: HealthcheckCommand.valueFlags,
        ["kubeconfig"]: KubeconfigCommand.valueFlags,
        ["events", "list"]: ListCommand.valueFlags,
        ["events", "get"]: GetCommand.valueFlags,
        ["events", "add"]: AddCommand.valueFlags,
        ["events", "import"]: ImportCommand.valueFlags,
        ["events", "export"]: ExportCommand.valueFlags,
        ["events", "delete"]: DeleteCommand.valueFlags,
        ["events", "stats"]: StatsCommand.valueFlags,
        ["schema", "show"]: SchemaShowCommand.valueFlags,
        ["schema", "version"]: SchemaVersionCommand.valueFlags,
        ["schema", "migrate"]: SchemaMigrateCommand.valueFlags,
    ]

    /// Flags of which a command takes only one: if one is given, the others are ignored. Of the
    /// environment's, the first counts.
    private static let alternatives = [["server", "database"], ["store", "database"]]

    /// Flags that take a path and are not settings.
    private static let pathFlags = ["output", "from", "file"]

    /// Adds the flags that the environment sets and `arguments` do not.
    ///
    /// - Throws: if a setting is empty, as when a script's own variable is not set.
    static func extend(_ arguments: [String]) throws(ValidationError) -> [String] {
        let arguments = naming(arguments)
        let command = valueFlags.keys.first { arguments.starts(with: $0) }
        for flag in pathFlags + (command.flatMap { valueFlags[$0] } ?? [])
        where isEmpty(flag, arguments) {
            throw ValidationError("--\(flag) is empty; give it a value, or leave it out")
        }
        guard let command, let flags = valueFlags[command] else { return arguments }
        func isGiven(_ flag: String) -> Bool {
            arguments.contains { $0 == "--\(flag)" || $0.hasPrefix("--\(flag)=") }
        }
        let choices = alternatives.first { $0.allSatisfy(flags.contains) } ?? []
        var hasAlternative = choices.contains(where: isGiven)
        var added: [String] = []
        for flag in flags {
            guard !isGiven(flag), let value = getenv(variable(flag)) else { continue }
            // Only a server can be followed; in an image, the file's variable is for `serve`.
            if flag == "database", arguments.contains(where: following.contains) { continue }
            guard value.pointee != 0 else {
                throw ValidationError(
                    "\(variable(flag)) is empty; give it a value, or do not set it")
            }
            if choices.contains(flag) {
                guard !hasAlternative else { continue }
                hasAlternative = true
            }
            added += ["--\(flag)", String(cString: value)]
        }
        // Before the command line's own flags, which may end in arguments that are not flags.
        return command + added + arguments.dropFirst(command.count)
    }

    private static let following = ["-f", "-w", "--follow", "--watch"]

    /// `arguments` with the subcommand that `logbook events` alone means.
    private static func naming(_ arguments: [String]) -> [String] {
        guard arguments.first == "events", arguments.dropFirst().first != "--help",
            arguments.dropFirst().first != "-h", arguments.dropFirst().first?.first ?? "-" == "-"
        else { return arguments }
        return ["events", "list"] + arguments.dropFirst()
    }

    /// True if `flag` is given without a value.
    private static func isEmpty(_ flag: String, _ arguments: [String]) -> Bool {
        zip(arguments, arguments.dropFirst()).contains { $0 == "--\(flag)" && $1.isEmpty }
            || arguments.contains("--\(flag)=")
    }

    /// The environment variable for a flag.
    static func variable(_ flag: String) -> String {
        "LOGBOOK_" + flag.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
    }
}
