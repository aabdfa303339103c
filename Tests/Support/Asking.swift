public import EventStore
public import Events

/// A store asked as a task asks it, which waits for the reply.
extension EventRepository {
    /// Stores events.
    @discardableResult
    public func append(
        _ events: [Event], allOrNothing: Bool = false
    ) async throws(StoreError) -> [AppendOutcome] {
        try await withCheckedContinuation { continuation in
            append(events, allOrNothing: allOrNothing) { continuation.resume(returning: $0) }
        }.get()
    }

    /// Deletes an event; true if there was one.
    public func delete(_ id: String) async throws(StoreError) -> Bool {
        try await withCheckedContinuation { continuation in
            delete(id: Array(id.utf8)) { continuation.resume(returning: $0) }
        }.get()
    }

    /// Deletes by filter; returns the number deleted and the reason for the end.
    public func delete(
        _ query: EventQuery, stopReason: @escaping @Sendable () -> StoreError? = { nil }
    ) async -> (deleted: Int, error: StoreError?) {
        await withCheckedContinuation { continuation in
            delete(query, for: 1, stopReason: stopReason) {
                continuation.resume(returning: ($0, $1))
            }
        }
    }

    /// Reads on a thread that may take its time.
    public func read<Answer: Sendable>(
        _ request: ReadRequest = ReadRequest(client: 1, limit: .seconds(60)),
        _ body: @escaping @Sendable (any EventReader) throws -> Answer
    ) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            let isTaken = readElsewhere(for: request) { result in
                continuation.resume(with: Result { try body(try result.get()) })
            }
            if !isTaken { continuation.resume(throwing: StoreError.tooManyReads) }
        }
    }

    /// What `field` of each event on a page tells, in order.
    public func page(
        _ parameters: [(String, String)], _ field: EventField = .id
    ) async throws -> [String] {
        let query = try query(parameters)
        return try await read { reader in
            var texts: [String] = []
            try reader.page(query, budget: .seconds(60)) { event in
                texts.append(event[field].map { String(decoding: $0, as: UTF8.self) } ?? "")
                return true
            }
            return texts
        }
    }
}
