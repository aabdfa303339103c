public import Events

/// Reads events, for one thread at a time.
public protocol EventReader: AnyObject {
    /// Lends the event with this id; nil if there is none.
    func get<Result>(
        id: UnsafeRawBufferPointer, _ body: (EventView) -> Result
    ) throws(StoreError) -> Result?

    /// Lends the events that match `query`, in its order, up to one more than its limit. The extra
    /// one shows that there is another page. If the query folds events, these are the newest of each
    /// group, with its `fold`, as of the first page. Ends early if `body` returns false.
    ///
    /// - Returns: the number of events or groups on all pages together, if the query asks for it.
    /// - Throws: `timeLimit` if it takes longer than `budget`.
    @discardableResult
    func page(
        _ query: EventQuery, budget: Duration, _ body: (EventView) -> Bool
    ) throws(StoreError) -> Int?

    /// Counts the events that match, on all pages together.
    ///
    /// - Throws: `timeLimit` if it takes longer than `budget`.
    func count(_ query: EventQuery, budget: Duration) throws(StoreError) -> Int

    /// Counts the events that match `query`, by time and field.
    ///
    /// - Returns: a failure if the query needs too many buckets or values for the stored events.
    /// - Throws: `timeLimit` if it takes longer than `budget`.
    func statistics(
        _ query: StatisticsQuery, budget: Duration
    ) throws(StoreError) -> Result<EventStatistics, QueryError>

    /// Returns the seqs around `position` at this moment, for a stream with `filter`.
    func streamRange(
        after position: Int64, for filter: StreamFilter
    ) throws(StoreError) -> StreamRange

    /// Lends the events in `range` that match `filter`, in order. Ends early if `body` returns
    /// false, and after an event when `budget` is used up. At least one event is examined, however
    /// long that takes.
    ///
    /// - Returns: the seq of the event that it ended after because of the budget; nil if the budget
    ///   sufficed.
    /// - Throws: `timeLimit` if the store alone takes longer than `budget`.
    @discardableResult
    func follow(
        _ filter: StreamFilter, _ range: ClosedRange<Int64>, budget: Duration,
        _ body: (EventView) -> Bool
    ) throws(StoreError) -> Int64?

    /// Returns for each of `prefixes`, which are not empty, the highest seq of the events whose id
    /// begins with it, up to `last` and with a `created_at` before `until`; 0 if there are none.
    func lastSeqs(
        ofIDs prefixes: [[UInt8]], upTo last: Int64, before until: String?
    ) throws(StoreError) -> [Int64]

    /// Returns the namespaces of objects that have events, in order, at most `limit`. Only events
    /// with an `object_kind` count.
    func namespaces(limit: Int) throws(StoreError) -> [String]

    /// Returns the time up to which everything from `source` has arrived; nil for an unknown source.
    func observedAt(source: String) throws(StoreError) -> Timestamp?

    /// The schema in force.
    func describeSchema() throws(StoreError) -> SchemaDescription
}

/// A reader that answers at once, on the calling thread.
public protocol LocalReader: EventReader {
    /// Makes the reads up to `endSnapshot` share one snapshot, no older than `commit`: a client
    /// told of a commit sees it.
    func holdSnapshot(atLeast commit: Int) throws(StoreError)

    /// Releases the shared snapshot.
    func endSnapshot()
}

extension [UInt8] {
    /// The first text, in the order of bytes, after all that begin with this one, which is neither
    /// empty nor ends in 0xFF.
    package var endOfPrefix: [UInt8] { dropLast() + [self[count - 1] + 1] }
}
