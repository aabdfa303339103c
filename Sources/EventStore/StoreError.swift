/// Why the store could not do what it was asked.
public enum StoreError: Error, Equatable, Sendable {
    /// Passing: try again. The text says why, without naming files.
    case unavailable(String)
    /// The work would take longer than it may.
    case timeLimit
    /// The database contradicts itself; the log says where.
    case damaged

    /// What is told to reads whose client has gone, and to nobody else.
    public static let cancelled = StoreError.unavailable("the client has gone")

    /// What is told where `EventRepository.readElsewhere` takes no more.
    public static let tooManyReads = StoreError.unavailable("too many slow queries wait")
}
