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

/// The flags for showing a schema.
struct SchemaOptions: ParsableArguments {
    @OptionGroup
    var source: SourceOptions

    @Option(name: .format, help: "yaml or json.")
    var format = DocumentFormat.yaml

    /// Prints what a server answers at `path`, or the same `ofFile`.
    func print(_ path: String, ofFile: (SchemaFile) throws -> [UInt8]) throws {
        try reportingFailures(of: source.subject) {
            try format.print(
                source.database.map { try ofFile(SchemaFile($0)) }
                    ?? source.client().request("GET", path))
        }
    }
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
    var options: SchemaOptions

    static let valueFlags = SourceOptions.valueFlags

    func run() throws { try options.print("/schema") { try $0.description() } }
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
              logbook schema version --database /data/logbook.db -o json | jq .version
            """)

    @OptionGroup
    var options: SchemaOptions

    static let valueFlags = SourceOptions.valueFlags

    func run() throws { try options.print("/schema/version") { $0.version() } }
}
