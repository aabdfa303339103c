import Dispatch
import Synchronization
import Testing

@testable import EventStore

@Suite("LongReads")
struct LongReadsTests {
    @Test("Reads run elsewhere, with a reader that sees what is committed")
    func elsewhere() async throws {
        let store = try TestStore()
        _ = await store.repository.append([try event(["id": "a"])])
        for _ in 1...20 {
            let seqs = await withCheckedContinuation { continuation in
                let isTaken = store.repository.readElsewhere { result in
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
        for _ in 1...256 {
            done.enter()
            let isTaken = store.repository.readElsewhere { result in
                gate.wait()
                if case .success(let reader) = result {
                    lanes.withLock { _ = $0.insert(ObjectIdentifier(reader)) }
                }
                gate.signal()
                done.leave()
            }
            #expect(isTaken)
        }
        #expect(!store.repository.readElsewhere { _ in Issue.record("the bound was passed") })
        gate.signal()
        await withCheckedContinuation { continuation in
            done.notify(queue: .global()) { continuation.resume() }
        }
        #expect(lanes.withLock { $0.count } == 4)
        #expect(store.repository.readElsewhere { _ in })
    }

    @Test("A store that is closed takes none")
    func closed() throws {
        let store = try TestStore()
        store.repository.close()
        #expect(!store.repository.readElsewhere { _ in Issue.record("the store is closed") })
    }
}
