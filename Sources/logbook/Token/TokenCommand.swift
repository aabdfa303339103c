import ArgumentParser

/// `logbook token`
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make tokens that let clients in.",
        subcommands: [TokenCreateCommand.self])
}
