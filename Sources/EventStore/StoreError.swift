/// The reason that a store could not do what it was asked.
public enum StoreError: Error, Equatable, Sendable {
    /// A temporary failure: try again. The text gives the reason without naming files.
    case unavailable(String)
    /// The work would take too long.
    case timeLimit
    /// This store cannot do that; another kind of store can. The text gives the reason.
    case unsupported(String)
    /// The database contradicts itself; the log says where.
    case damaged

    /// The error of a read whose client has gone; no other client sees it.
    public static let cancelled = StoreError.unavailable("the client has gone")

    /// The error once the store is being closed.
    package static let shutdown = StoreError.unavailable("the service is shutting down")

    /// The error if `EventRepository.readElsewhere` takes no more reads.
    public static let tooManyReads = StoreError.unavailable("too many slow queries wait")
}
