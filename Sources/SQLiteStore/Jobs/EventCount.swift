import Dispatch
import EventStore
import SQLite
import Synchronization

/// How many events there are: counted once, which takes seconds in a large file and so is done on a
/// thread of its own, and kept up with by the writer after that.
///
/// For the writer's thread alone.
final class EventCount {
    private let makeReader: () throws(SQLiteError) -> SQLiteReader
    private let counted = Outcome()
    private(set) var isCounting = false
    /// What has come and gone since the count began.
    private var change = 0
    private var base: Int?

    private final class Outcome: Sendable {
        let count = Mutex<Result<Int, StoreError>?>(nil)
    }

    init(_ makeReader: @escaping () throws(SQLiteError) -> SQLiteReader) {
        self.makeReader = makeReader
    }

    /// The number, which begins to be counted when that has not been done; nil until it has.
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

    /// Notes what a commit has added, or removed.
    func note(_ change: Int) { self.change += change }

    private func beginCounting() throws(SQLiteError) {
        let reader = try makeReader()
        // The snapshot is taken here, between two commits: exactly what is noted comes after it.
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

    /// `@unchecked Sendable`: the reader goes from one thread to another, which is the only one that
    /// has it then.
    private struct Lent: @unchecked Sendable {
        let reader: SQLiteReader

        init(_ reader: SQLiteReader) { self.reader = reader }
    }
}
