import EventStore
import HTTPServer

/// One reader for each event loop, opened at its first read, if the store can answer at once.
///
/// `@unchecked Sendable`: each loop uses only its own slot.
final class LoopReaders: @unchecked Sendable {
    private final class Slot {
        var reader: (any LocalReader)?
    }

    let repository: any EventRepository
    private let slots: [Slot]

    init(_ repository: any EventRepository, loops: Int) {
        self.repository = repository
        slots = (0..<loops).map { _ in Slot() }
    }

    /// The reader of a loop, for its thread, at a snapshot no older than the last commit; nil if
    /// everything is read elsewhere.
    func reader(on loopIndex: Int) throws(StoreError) -> (any LocalReader)? {
        let slot = slots[loopIndex]
        if slot.reader == nil { slot.reader = try repository.makeLocalReader() }
        try slot.reader?.holdSnapshot(atLeast: repository.commits.count)
        return slot.reader
    }

    /// Ends the snapshot that the reads of one wake-up shared. All reads on the loop run within a
    /// wake-up, so no snapshot outlasts it.
    func endTurn(_ loopIndex: Int) { slots[loopIndex].reader?.endSnapshot() }
}
