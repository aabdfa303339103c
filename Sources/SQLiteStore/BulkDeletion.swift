import EventStore
import Events

/// Deletes what a query asks for: finds some of the events where reading may take its time, has the
/// writer delete those, and so on. It holds no snapshot meanwhile, and no more than a page of numbers.
struct BulkDeletion: Sendable {
    /// How many were deleted, and what ended it early.
    typealias Completion = @Sendable (_ deleted: Int, _ error: StoreError?) -> Void

    let repository: SQLiteRepository
    let writer: EventWriter
    /// What was stored later is not meant.
    let lastSeq: Int64
    /// Who asks.
    let client: UInt64
    /// Asked between two pages: why it may not go on.
    let stopReason: @Sendable () -> StoreError?
    let completion: Completion

    /// How many go on at a time.
    static let most = 16

    /// Deletes the events of `query` and of the pages behind it; `deleted` were before.
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

    /// The numbers of a page's events, and the query of the pages behind it.
    private func find(
        _ query: EventQuery, _ reader: any EventReader
    ) throws(StoreError) -> (seqs: [Int64], rest: EventQuery?) {
        var seqs: [Int64] = []
        var seen = 0
        var last: EventQuery.Position?
        try reader.page(query, budget: repository.readBudgets.elsewhere) { event in
            seen += 1
            // There is one event more than the limit where there is another page.
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
        if seqs.isEmpty { goOn(0, nil) } else { writer.delete(seqs, goOn) }
    }
}
