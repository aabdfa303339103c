import ArgumentParser

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
