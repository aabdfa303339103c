import ArgumentParser

/// How events are shown.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table, json, yaml, csv
}
