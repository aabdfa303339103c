import Events

/// Reads events, for one thread at a time.
public protocol EventReader: AnyObject {
    /// Lends the event with this id; nil when there is none.
    func get<Result>(
        id: UnsafeRawBufferPointer, _ body: (EventView) -> Result
    ) throws(StoreError) -> Result?

    /// Lends the events that `query` wants, in its order, up to one more than its limit: the
    /// surplus tells that there is another page. Ends early when `body` returns false.
    ///
    /// - Returns: how many events there are on all pages together, if the query wants to know.
    /// - Throws: `timeLimit` when it takes longer than `budget`.
    @discardableResult
    func page(
        _ query: EventQuery, budget: Duration, _ body: (EventView) -> Bool
    ) throws(StoreError) -> Int?

    /// Counts the events that match, on all pages together.
    ///
    /// - Throws: `timeLimit` when it takes longer than `budget`.
    func count(_ query: EventQuery, budget: Duration) throws(StoreError) -> Int

    /// Counts the events that `query` wants.
    ///
    /// - Returns: a failure where the query, over what there is, asks for too many buckets or values.
    /// - Throws: `timeLimit` when it takes longer than `budget`.
    func statistics(
        _ query: StatisticsQuery, budget: Duration
    ) throws(StoreError) -> Result<EventStatistics, QueryError>

    /// Returns the numbers around `position`, at this moment, for a stream with `filter`.
    func streamRange(
        after position: Int64, for filter: StreamFilter
    ) throws(StoreError) -> StreamRange

    /// Lends the events that `filter` wants of those numbered `range`, in order. Ends early when
    /// `body` returns false, and after an event when `budget` is over: one event is looked at in any
    /// case, however long that takes.
    ///
    /// - Returns: the number of the event that it ended after because of the budget; nil when that
    ///   lasted.
    /// - Throws: `timeLimit` when the store alone takes longer than `budget`.
    @discardableResult
    func follow(
        _ filter: StreamFilter, _ range: ClosedRange<Int64>, budget: Duration,
        _ body: (EventView) -> Bool
    ) throws(StoreError) -> Int64?

    /// The schema in force.
    func describeSchema() throws(StoreError) -> SchemaDescription
}

/// A reader that answers at once, on the thread that asks.
public protocol LocalReader: EventReader {
    /// Has the reads up to `endSnapshot` share what they see, which is no older than `commit`: whoever was told of a
    /// commit sees it.
    func holdSnapshot(atLeast commit: Int) throws(StoreError)

    /// Lets go of what the reads shared.
    func endSnapshot()
}
