import ArgumentParser

/// How an export is written.
enum ExportFileFormat: String, CaseIterable, ExpressibleByArgument {
    /// One JSON object a line, which `events import` takes.
    case json
    case yaml
    /// RFC 4180.
    case csv
}
