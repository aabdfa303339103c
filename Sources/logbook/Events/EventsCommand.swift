import ArgumentParser

/// `logbook events`
struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Read, follow and store events.",
        subcommands: [
            ListCommand.self, GetCommand.self, TailCommand.self, AddCommand.self,
            ImportCommand.self,
            ExportCommand.self,
        ])
}
