import ArgumentParser

/// The flags for showing events.
struct OutputOptions: ParsableArguments {
    @Option(help: "The output format: table, json, yaml or csv.")
    var format = OutputFormat.table

    @Option(
        help:
            "Times in a table: relative or absolute. (default: relative on a terminal, else absolute)"
    )
    var time: TimeStyle?

    static let valueFlags = ["format", "time"]

    /// The style from `--time`, or the default for standard output.
    var timeStyle: TimeStyle {
        time ?? (StandardOutput.terminalColumns == nil ? .absolute : .relative)
    }
}
