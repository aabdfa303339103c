import Dispatch
import Events
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("OpenReads")
struct OpenReadsTests {
    @Test("Only the read that was told to stop stops, not the next one of the same reader")
    func identity() {
        let reads = OpenReads()
        let activity = reads.add()
        #expect(reads.stop(olderThan: .zero) == 0)
        #expect(reads.oldestAge == .zero)
        activity.begin()
        #expect(reads.stop(olderThan: .seconds(60)) == 0)
        #expect(!activity.isStopped)
        #expect(reads.stop(olderThan: .zero) == 1)
        #expect(activity.isStopped)
        #expect(reads.stop(olderThan: .zero) == 0)
        activity.end()
        #expect(!activity.isStopped)
        activity.begin()
        #expect(!activity.isStopped)
        #expect(reads.oldestAge > .zero)
        reads.remove(activity)
        #expect(reads.oldestAge == .zero)
    }

    @Test("A read that keeps the WAL from being emptied is stopped with the reason")
    func stopped() async throws {
        let store = try TestStore(configure: {
            $0.checkpointPages = 64
            $0.walBytes = 2 * 1024 * 1024
        })
        _ = try await store.repository.append((0..<1000).map { _ in try event() }).get()
        let all = try query([("limit", "1000")])
        let isReading = DispatchSemaphore(value: 0)
        let isStopped = DispatchSemaphore(value: 0)
        async let result = withCheckedContinuation { continuation in
            let isTaken = store.repository.readElsewhere(
                for: ReadRequest(client: 1, limit: .seconds(3600))
            ) { reader in
                continuation.resume(
                    returning: Result { () throws(StoreError) in
                        // It stays at its first event, with its snapshot, until the writer stops
                        // it; it never gets to the other 999.
                        var isFirst = true
                        try reader.get().page(all, budget: .seconds(60)) { _ in
                            if isFirst {
                                isReading.signal()
                                _ = isStopped.wait(timeout: .now() + 60)
                            }
                            isFirst = false
                            return true
                        }
                    })
            }
            #expect(isTaken)
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                isReading.wait()
                continuation.resume()
            }
        }
        let text = String(repeating: "x", count: 30_000)
        for _ in 1...2_000 where store.repository.sqliteStatistics.stoppedReaders == 0 {
            _ = try await store.repository.append([try event(["description": text])]).get()
        }
        isStopped.signal()
        let outcome = await result
        #expect(
            throws: StoreError.unavailable(
                "the query was stopped because it blocked the writing of events")
        ) { try outcome.get() }
        #expect(store.repository.sqliteStatistics.stoppedReaders == 1)
        // Nothing blocks the WAL now, so it stays small however much is stored.
        for _ in 1...200 {
            _ = try await store.repository.append([try event(["description": text])]).get()
        }
        #expect(store.repository.sqliteStatistics.mostWALBytes < 4 * 1024 * 1024)
    }
}
