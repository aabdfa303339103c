import ArgumentParser

/// `logbook events`
struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Read, follow, store, count and delete events.",
        subcommands: [
            ListCommand.self, GetCommand.self, AddCommand.self, ImportCommand.self,
            ExportCommand.self, DeleteCommand.self, StatsCommand.self,
        ], defaultSubcommand: ListCommand.self)
}
