import EventStore
import Events
import Synchronization

/// A store that answers nothing at once, like one behind a network: another store, with all reads
/// elsewhere.
final class ElsewhereStore: EventRepository {
    private let store: any EventRepository
    /// True while it cannot be read.
    let isAway = Atomic(false)
    /// The reads that failed because of that.
    let failures = Atomic(0)

    init(_ store: any EventRepository) { self.store = store }

    func makeLocalReader() throws(StoreError) -> (any LocalReader)? { nil }
    func mayTakeLong(_ query: EventQuery) -> Bool { false }

    // MARK: The other store's

    func open() throws(SchemaError) { try store.open() }
    func close() { store.close() }
    var schemaState: SchemaState { store.schemaState }
    var unwritableReason: String? { store.unwritableReason }
    var isUnreadable: Bool { store.isUnreadable }
    var isDamaged: Bool { store.isDamaged }
    var retention: Retention { store.retention }
    var queueLimits: (events: Int, bytes: Int) { store.queueLimits }
    var statistics: StoreStatistics { store.statistics }
    var engine: EngineReport { store.engine }
    var commits: CommitFeed { store.commits }
    var leadership: Leadership { store.leadership }
    var readBudgets: (here: Duration, elsewhere: Duration) { store.readBudgets }

    func append(
        _ events: [Event], allOrNothing: Bool, reply: @escaping @Sendable (AppendResult) -> Void
    ) { store.append(events, allOrNothing: allOrNothing, reply: reply) }

    func delete(id: [UInt8], reply: @escaping @Sendable (Result<Bool, StoreError>) -> Void) {
        store.delete(id: id, reply: reply)
    }

    func delete(
        _ query: EventQuery, for client: UInt64, stopReason: @escaping @Sendable () -> StoreError?,
        completion: @escaping @Sendable (_ deleted: Int, _ error: StoreError?) -> Void
    ) { store.delete(query, for: client, stopReason: stopReason, completion: completion) }

    func noteObserved(
        _ source: String, upTo moment: Timestamp,
        reply: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) { store.noteObserved(source, upTo: moment, reply: reply) }

    func readElsewhere(
        for request: ReadRequest,
        _ body: @escaping @Sendable (Result<any EventReader, StoreError>) -> Void
    ) -> Bool {
        store.readElsewhere(for: request) { [self] result in
            guard isAway.load(ordering: .relaxed) else { return body(result) }
            failures.add(1, ordering: .relaxed)
            body(.failure(.unavailable("it is away")))
        }
    }

    func backUp(
        for client: UInt64,
        _ completion: @escaping @Sendable (Result<any BackupContent, StoreError>) -> Void
    ) { store.backUp(for: client, completion) }
}
