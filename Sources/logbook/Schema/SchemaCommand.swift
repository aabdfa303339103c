import ArgumentParser

/// `logbook schema`
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Show and migrate the schema of a database.",
        subcommands: [
            SchemaShowCommand.self, SchemaVersionCommand.self, SchemaMigrateCommand.self,
        ])
}
