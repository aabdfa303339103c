import Events

/// Deletes the matches of a query: finds some events on a thread that may take its time, has the
/// writer delete them, and repeats. Meanwhile it holds no snapshot, and no more than a page of
/// seqs.
package struct BulkDeletion: Sendable {
    /// The number of events deleted, and the error that ended it early.
    package typealias Completion = @Sendable (_ deleted: Int, _ error: StoreError?) -> Void

    let repository: any EventRepository
    /// Later events are not deleted.
    let lastSeq: Int64
    let client: UInt64
    /// Called between two pages; the reason it may not continue.
    let stopReason: @Sendable () -> StoreError?
    /// Has the writer delete the events with these seqs.
    let deleteEvents: @Sendable ([Int64], @escaping Completion) -> Void
    let completion: Completion

    /// Deletes the events of `query` and of later pages; `deleted` were deleted before.
    func run(_ query: EventQuery, deleted: Int = 0) {
        if let reason = stopReason() { return completion(deleted, reason) }
        let request = ReadRequest(client: client, limit: repository.readBudgets.elsewhere)
        let isTaken = repository.readElsewhere(for: request) { result in
            do throws(StoreError) {
                let (seqs, rest) = try find(query, try result.get())
                delete(seqs, rest, deleted)
            } catch {
                completion(deleted, error)
            }
        }
        if !isTaken { completion(deleted, .tooManyReads) }
    }

    /// The seqs of a page's events, and the query for later pages.
    private func find(
        _ query: EventQuery, _ reader: any EventReader
    ) throws(StoreError) -> (seqs: [Int64], rest: EventQuery?) {
        var seqs: [Int64] = []
        var seen = 0
        var last: EventQuery.Position?
        try reader.page(query, budget: repository.readBudgets.elsewhere) { event in
            seen += 1
            // One event more than the limit means that there is another page.
            guard seen <= query.limit else { return false }
            if event.seq <= lastSeq { seqs.append(event.seq) }
            if seen == query.limit {
                last = EventQuery.Position(event)
            }
            return true
        }
        return (seqs, seen > query.limit ? last.map(query.continued) : nil)
    }

    private func delete(_ seqs: [Int64], _ rest: EventQuery?, _ before: Int) {
        let goOn: Completion = { gone, error in
            let deleted = before + gone
            guard error == nil, let rest else { return completion(deleted, error) }
            run(rest, deleted: deleted)
        }
        if seqs.isEmpty { goOn(0, nil) } else { deleteEvents(seqs, goOn) }
    }
}
