import Dispatch
import Synchronization
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("ReadThreads")
struct ReadThreadsTests {
    private let request = ReadRequest(client: 1, limit: .seconds(3600))

    @Test("Reads run elsewhere, with a reader that sees every commit")
    func elsewhere() async throws {
        let store = try TestStore()
        _ = await store.repository.append([try event(["id": "a"])])
        for _ in 1...20 {
            let seqs = await withCheckedContinuation { continuation in
                let isTaken = store.repository.readElsewhere(for: request) { result in
                    continuation.resume(returning: Result { try result.get().allSeqs() })
                }
                #expect(isTaken)
            }
            #expect(try seqs.get() == [1])
        }
    }

    @Test("At most 256 wait; one more is refused, until one is done")
    func bound() async throws {
        let store = try TestStore()
        let gate = DispatchSemaphore(value: 0)
        let done = DispatchGroup()
        let lanes = Mutex(Set<ObjectIdentifier>())
        var taken = 0
        // Four clients, so that none reaches its share before the bound.
        for number in 0..<1000 {
            let request = ReadRequest(client: UInt64(number % 4), limit: .seconds(3600))
            done.enter()
            let isTaken = store.repository.readElsewhere(for: request) { result in
                gate.wait()
                if case .success(let reader) = result {
                    lanes.withLock { _ = $0.insert(ObjectIdentifier(reader)) }
                }
                gate.signal()
                done.leave()
            }
            guard isTaken else {
                done.leave()
                break
            }
            taken += 1
        }
        #expect(taken == 256 + 4, "four are read")
        gate.signal()
        await withCheckedContinuation { continuation in
            done.notify(queue: .global()) { continuation.resume() }
        }
        #expect(lanes.withLock { $0.count } == 4)
        #expect(store.repository.readElsewhere(for: request) { _ in })
    }

    @Test("One client's reads leave a thread for the others, and slots to wait in")
    func shares() async throws {
        let store = try TestStore()
        let gate = DispatchSemaphore(value: 0)
        defer { for _ in 0..<300 { gate.signal() } }
        var taken = 0
        while store.repository.readElsewhere(for: request, { _ in gate.wait() }) { taken += 1 }
        #expect(taken == 192 + 3, "three quarters of the places, and of the threads")
        let other = ReadRequest(client: 2, limit: .seconds(3600))
        await withCheckedContinuation { continuation in
            #expect(store.repository.readElsewhere(for: other) { _ in continuation.resume() })
        }
    }

    @Test("A read that is cancelled ends, running or waiting, and so does one whose time is over")
    func cancelled() async throws {
        let store = try TestStore()
        for start in stride(from: 0, to: 2_000, by: 500) {
            _ = await store.repository.append(
                try (start..<start + 500).map {
                    try event(["id": "e\($0)", "title": "word \($0)"])
                })
        }
        let ended = await withCheckedContinuation { continuation in
            let isTaken = store.repository.readElsewhere(for: request) { [request] result in
                continuation.resume(
                    returning: Result { () throws(StoreError) in
                        var count = 0
                        try result.get().page(
                            try! query([("limit", "1000"), ("q", "word")]), budget: .seconds(60)
                        ) { _ in
                            count += 1
                            request.cancel()
                            return true
                        }
                        return count
                    })
            }
            #expect(isTaken)
        }
        #expect(throws: StoreError.self) { try ended.get() }
        for late in [request, ReadRequest(client: 3, limit: .zero)] {
            let result = await withCheckedContinuation { continuation in
                let isTaken = store.repository.readElsewhere(for: late) { result in
                    continuation.resume(returning: result.map { _ in })
                }
                #expect(isTaken)
            }
            #expect(throws: StoreError.self) { try result.get() }
        }
    }

    @Test("A store that is closed says so")
    func closed() async throws {
        let store = try TestStore()
        store.repository.close()
        let result = await withCheckedContinuation { continuation in
            let isTaken = store.repository.readElsewhere(for: request) { result in
                continuation.resume(returning: result.map { _ in })
            }
            #expect(isTaken)
        }
        #expect(throws: StoreError.self) { try result.get() }
    }
}
