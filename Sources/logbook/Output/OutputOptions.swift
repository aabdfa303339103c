import ArgumentParser

/// How a command shows events.
struct OutputOptions: ParsableArguments {
    @Option(help: "How events are shown: table, json, yaml or csv.")
    var format = OutputFormat.table

    @Option(
        help:
            "Times in a table: relative or absolute. (default: relative on a terminal, else absolute)"
    )
    var time: TimeStyle?

    static let valueFlags = ["format", "time"]

    /// What `--time` says, or suits where standard output goes.
    var timeStyle: TimeStyle {
        time ?? (StandardOutput.terminalColumns == nil ? .absolute : .relative)
    }
}
