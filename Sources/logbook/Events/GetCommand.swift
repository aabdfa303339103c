import ArgumentParser

/// `logbook events get`
struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Show one event.",
        discussion: """
            Examples:
              logbook events get evt_20261123_103045_0123456789abcdef
              logbook events get node-3-not-ready --format json | jq .metadata
            """)

    @Argument(help: "The event's id.")
    var id: String

    @OptionGroup
    var source: SourceOptions

    @OptionGroup
    var output: OutputOptions

    static let valueFlags = SourceOptions.valueFlags + OutputOptions.valueFlags

    func validate() throws {
        guard !id.isEmpty else { throw ValidationError("an id is not empty") }
    }

    func run() throws {
        try reportingFailures(of: source.subject) {
            guard let json = try source.open().event(id) else {
                printToStandardError("\(source.subject): there is no event with the id '\(id)'")
                throw ExitCode.failure
            }
            try EventPrinter.print(single: json, output)
        }
    }
}
