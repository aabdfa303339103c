import EventStore
import Events
import Logging
import SQLiteStore
import Synchronization
import TestSupport

/// The kinds of stores.
enum StoreKind: String, CaseIterable, Sendable {
    case sqlite
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
        }
        try repository.open()
    }

    deinit { repository.close() }

    private let clock: Clock

    private final class Clock: Sendable {
        let time = Mutex(testMoment)
        @Sendable func now() -> Timestamp { time.withLock { $0 } }
    }

    /// Moves the system's clock.
    func turn(by milliseconds: Int64) {
        clock.time.withLock { $0 = Timestamp(milliseconds: $0.milliseconds + milliseconds)! }
    }

    // MARK: Asking

    @discardableResult
    func append(_ events: [Event], allOrNothing: Bool = false) async throws -> [AppendOutcome] {
        try await withCheckedContinuation { continuation in
            repository.append(events, allOrNothing: allOrNothing) {
                continuation.resume(returning: $0)
            }
        }.get()
    }

    func delete(_ id: String) async throws -> Bool {
        try await withCheckedContinuation { continuation in
            repository.delete(id: Array(id.utf8)) { continuation.resume(returning: $0) }
        }.get()
    }

    /// Deletes by filter; returns the number deleted and the reason for the end.
    func delete(
        _ query: EventQuery, stopReason: @escaping @Sendable () -> StoreError? = { nil }
    ) async -> (deleted: Int, error: StoreError?) {
        await withCheckedContinuation { continuation in
            repository.delete(query, for: 1, stopReason: stopReason) {
                continuation.resume(returning: ($0, $1))
            }
        }
    }

    /// Reads on a thread that may take its time.
    func read<Answer: Sendable>(
        _ request: ReadRequest = ReadRequest(client: 1, limit: .seconds(60)),
        _ body: @escaping @Sendable (any EventReader) throws -> Answer
    ) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            let isTaken = repository.readElsewhere(for: request) { result in
                continuation.resume(with: Result { try body(try result.get()) })
            }
            if !isTaken { continuation.resume(throwing: StoreError.tooManyReads) }
        }
    }

    /// The ids of a page in order.
    func ids(_ parameters: [(String, String)]) async throws -> [String] {
        let query = try query(parameters)
        return try await read { reader in
            var ids: [String] = []
            try reader.page(query, budget: .seconds(60)) { event in
                ids.append(String(decoding: event[.id]!, as: UTF8.self))
                return true
            }
            return ids
        }
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
