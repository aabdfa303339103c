import ArgumentParser

/// `logbook token`
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Create tokens for clients.",
        subcommands: [TokenCreateCommand.self])
}
