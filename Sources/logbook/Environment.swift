import Glibc

/// Settings from the environment: `LOGBOOK_SOME_FLAG` stands behind `--some-flag`, with the same
/// checks and messages.
enum Environment {
    /// The flags of each subcommand that take a value.
    static let valueFlags = [
        "serve": ServeCommand.valueFlags,
        "backup": BackupCommand.valueFlags,
        "restore": RestoreCommand.valueFlags,
        "healthcheck": HealthcheckCommand.valueFlags,
    ]

    /// Adds the flags that the environment gives and `arguments` doesn't.
    static func extend(_ arguments: [String]) -> [String] {
        guard let command = arguments.first, let flags = valueFlags[command] else {
            return arguments
        }
        var extended = arguments
        for flag in flags {
            let isGiven = arguments.contains { $0 == "--\(flag)" || $0.hasPrefix("--\(flag)=") }
            guard !isGiven, let value = getenv(variable(flag)) else { continue }
            extended += ["--\(flag)", String(cString: value)]
        }
        return extended
    }

    /// The variable behind a flag.
    static func variable(_ flag: String) -> String {
        "LOGBOOK_" + flag.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
    }
}
