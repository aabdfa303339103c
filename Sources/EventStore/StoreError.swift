/// The reason that a store could not do what it was asked.
public enum StoreError: Error, Equatable, Sendable {
    /// Passing: try again. The text says why, without naming files.
    case unavailable(String)
    /// The work would take longer than it may.
    case timeLimit
    /// The database contradicts itself; the log says where.
    case damaged

    /// The error of a read whose client has gone; nobody else sees it.
    public static let cancelled = StoreError.unavailable("the client has gone")

    /// The error where `EventRepository.readElsewhere` takes no more reads.
    public static let tooManyReads = StoreError.unavailable("too many slow queries wait")
}
