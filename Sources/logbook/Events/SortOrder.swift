import ArgumentParser

/// The order of events by time.
enum SortOrder: String, CaseIterable, ExpressibleByArgument {
    case desc, asc
}
