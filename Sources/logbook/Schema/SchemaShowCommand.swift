import ArgumentParser

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
