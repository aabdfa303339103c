import ArgumentParser

/// In which order events come, by time.
enum SortOrder: String, CaseIterable, ExpressibleByArgument {
    case desc, asc
}
