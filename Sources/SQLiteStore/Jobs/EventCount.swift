import Dispatch
import EventStore
import SQLite
import Synchronization

/// The number of events. It is counted once, on its own thread because that takes seconds in a
/// large file, and then kept up to date by the writer.
///
/// For the writer's thread alone.
final class EventCount {
    private let makeReader: () throws(SQLiteError) -> SQLiteReader
    private let counted = Outcome()
    private(set) var isCounting = false
    /// Events added minus events removed since the count began.
    private var change = 0
    private var base: Int?

    private final class Outcome: Sendable {
        let count = Mutex<Result<Int, StoreError>?>(nil)
    }

    init(_ makeReader: @escaping () throws(SQLiteError) -> SQLiteReader) {
        self.makeReader = makeReader
    }

    /// The number of events, or nil until they have been counted; starts counting if necessary.
    func current() throws(SQLiteError) -> Int? {
        if let base { return base + change }
        if !isCounting {
            try beginCounting()
        } else if let result = counted.count.withLock({ $0 }) {
            isCounting = false
            if case .success(let count) = result { base = count }
        }
        return base.map { $0 + change }
    }

    /// Notes the events that a commit has added or removed.
    func note(_ change: Int) { self.change += change }

    private func beginCounting() throws(SQLiteError) {
        let reader = try makeReader()
        // The snapshot is taken here, between two commits, so that exactly the later ones are
        // noted.
        do {
            try reader.takeSnapshot()
        } catch {
            // The reader has logged it; the next turn tries again.
            return
        }
        change = 0
        isCounting = true
        counted.count.withLock { $0 = nil }
        let lent = Lent(reader)
        DispatchQueue.global(qos: .utility).async { [counted] in
            let result = Result { () throws(StoreError) in try lent.reader.countSnapshot() }
            counted.count.withLock { $0 = result }
        }
    }

    /// `@unchecked Sendable`: the reader moves from one thread to another, and only one has it at a
    /// time.
    private struct Lent: @unchecked Sendable {
        let reader: SQLiteReader

        init(_ reader: SQLiteReader) { self.reader = reader }
    }
}
