import ArgumentParser

/// The format of an export.
enum ExportFileFormat: String, CaseIterable, ExpressibleByArgument {
    /// One JSON object on each line, which `events import` reads.
    case json
    case yaml
    /// RFC 4180.
    case csv
}
