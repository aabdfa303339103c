import EventStore
import Events
import Foundation
import Logging
import PostgreSQL
import PostgreSQLStore
import SQLiteStore
import Synchronization
import TestSupport

/// The kinds of stores.
enum StoreKind: String, CaseIterable, Sendable {
    case sqlite, postgresql

    /// True if the store makes copies of itself.
    var makesCopies: Bool { self == .sqlite }
}

/// An empty store of one kind, in service until the last reference goes.
final class Store: Sendable {
    let repository: any EventRepository
    private let folder: TemporaryFolder

    /// - Parameter retention: keeps everything by default.
    init(_ kind: StoreKind, retention: Retention? = nil) throws {
        folder = try TemporaryFolder()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let clock = Clock()
        self.clock = clock
        switch kind {
        case .sqlite:
            var configuration = StoreConfiguration(path: folder.file("events.db"))
            configuration.retention = retention ?? .forever
            repository = SQLiteRepository(configuration, logger: logger, now: clock.now)
        case .postgresql:
            var configuration = PostgreSQLConfiguration(
                address: try PostgreSQLAddress(
                    url: PostgreSQLServer.database(), allowsPassword: true))
            configuration.retention = retention ?? .forever
            configuration.lookInterval = .milliseconds(20)
            repository = PostgreSQLRepository(configuration, logger: logger)
            // The database has a clock of its own.
            clock.follow()
        }
        try repository.open()
    }

    deinit { repository.close() }

    private let clock: Clock

    /// The clock that the store dates the receipt of events by: one that stands still, or the
    /// system's.
    private final class Clock: Sendable {
        private let isRunning = Atomic(false)
        func follow() { isRunning.store(true, ordering: .relaxed) }
        @Sendable func now() -> Timestamp {
            isRunning.load(ordering: .relaxed)
                ? Timestamp(clamping: Int64(Date.now.timeIntervalSince1970 * 1000)) : testMoment
        }
    }

    /// The time by the store's clock.
    var now: Timestamp { clock.now() }

    // MARK: Asking

    @discardableResult
    func append(_ events: [Event], allOrNothing: Bool = false) async throws -> [AppendOutcome] {
        try await repository.append(events, allOrNothing: allOrNothing)
    }

    func delete(_ id: String) async throws -> Bool { try await repository.delete(id) }

    /// Deletes by filter; returns the number deleted and the reason for the end.
    func delete(
        _ query: EventQuery, stopReason: @escaping @Sendable () -> StoreError? = { nil }
    ) async -> (deleted: Int, error: StoreError?) {
        await repository.delete(query, stopReason: stopReason)
    }

    /// Reads on a thread that may take its time.
    func read<Answer: Sendable>(
        _ request: ReadRequest = ReadRequest(client: 1, limit: .seconds(60)),
        _ body: @escaping @Sendable (any EventReader) throws -> Answer
    ) async throws -> Answer {
        try await repository.read(request, body)
    }

    /// The ids of a page in order.
    func ids(_ parameters: [(String, String)]) async throws -> [String] {
        try await repository.page(parameters)
    }
}

extension Retention {
    /// A retention that removes nothing.
    static var forever: Retention {
        var retention = Retention()
        retention.ages = [:]
        return retention
    }
}
