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

/// `logbook schema show`
struct SchemaShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show the schema: version, migrations, tables with columns and indexes.",
        discussion: """
            Examples:
              logbook schema show
              logbook schema show --database /data/logbook.db
              logbook schema show --format json | jq .database_bytes
            """)

    @OptionGroup
    var source: SourceOptions

    @Option(help: "yaml or json.")
    var format = DocumentFormat.yaml

    static let valueFlags = SourceOptions.valueFlags

    func run() throws {
        try reportingFailures(of: source.subject) {
            try format.print(
                source.database.map { try SchemaFile($0).description() }
                    ?? source.client().request("GET", "/schema"))
        }
    }
}

/// `logbook schema version`
struct SchemaVersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Show the version of the schema, and the latest that is known.",
        discussion: """
            A server reports its status too: ready, or migrating.

            Examples:
              logbook schema version
              logbook schema version --database /data/logbook.db --format json | jq .version
            """)

    @OptionGroup
    var source: SourceOptions

    @Option(help: "yaml or json.")
    var format = DocumentFormat.yaml

    static let valueFlags = SourceOptions.valueFlags

    func run() throws {
        try reportingFailures(of: source.subject) {
            try format.print(
                source.database.map { try SchemaFile($0).version() }
                    ?? source.client().request("GET", "/schema/version"))
        }
    }
}
