import ArgumentParser

/// `logbook events`
struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Read, follow, store, count and delete events.",
        subcommands: [
            ListCommand.self, GetCommand.self, TailCommand.self, AddCommand.self,
            ImportCommand.self, ExportCommand.self, DeleteCommand.self, StatsCommand.self,
        ])
}
