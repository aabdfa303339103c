import ArgumentParser

/// The format of events.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table, json, yaml, csv
}
