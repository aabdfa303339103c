import HTTPServer
import Ingest
import Synchronization

/// Counts for one format of other programs, from any thread.
final class SenderFigures: Sendable {
    private let requestCount = Atomic<Int>(0)
    private let storedCount = Atomic<Int>(0)
    private let duplicateCount = Atomic<Int>(0)
    private let cutCount = Atomic<Int>(0)
    private let leftOutCount = Atomic<Int>(0)
    private let rejected = Rejections()

    var requests: Int { requestCount.load(ordering: .relaxed) }
    var stored: Int { storedCount.load(ordering: .relaxed) }
    var duplicates: Int { duplicateCount.load(ordering: .relaxed) }
    var cut: Int { cutCount.load(ordering: .relaxed) }
    var leftOut: Int { leftOutCount.load(ordering: .relaxed) }
    var rejectedByReason: [(reason: String, count: Int)] {
        [
            ("malformed", rejected.malformed), ("invalid", rejected.invalid),
            ("too_large", rejected.tooLarge), ("unavailable", rejected.unavailable),
        ]
    }

    /// Counts a request that is answered.
    func noteRequest() { requestCount.wrappingAdd(1, ordering: .relaxed) }

    /// Counts an item; a rejected one in `all` as well, which counts those of every way in.
    func note(_ notice: SenderBatch.Notice, _ all: Rejections) {
        switch notice {
        case .cut: cutCount.wrappingAdd(1, ordering: .relaxed)
        case .leftOut: leftOutCount.wrappingAdd(1, ordering: .relaxed)
        case .rejected(let status):
            for counters in [rejected, all] {
                switch status {
                case .malformed, .unsupported: counters.note(.badRequest)
                case .tooLarge: counters.note(.contentTooLarge)
                case .invalid: counters.note(.unprocessableContent)
                case .unavailable: break
                }
            }
        }
    }

    /// Counts events that are in the store now.
    func note(_ stored: [SenderBatch.Stored]) {
        let new = stored.count { $0 == .new }
        storedCount.wrappingAdd(new, ordering: .relaxed)
        duplicateCount.wrappingAdd(stored.count - new, ordering: .relaxed)
    }

    /// Counts events that the store could not take.
    func noteUnavailable(_ count: Int) { rejected.noteUnavailable(count) }
}
