import EventStore
import HTTPServer

/// One reader for each event loop, opened at its first read.
///
/// `@unchecked Sendable`: each loop touches its own place alone.
final class LoopReaders: @unchecked Sendable {
    private final class Place {
        var reader: EventReader?
    }

    private let repository: EventRepository
    private let places: [Place]

    init(_ repository: EventRepository, loops: Int) {
        self.repository = repository
        places = (0..<loops).map { _ in Place() }
    }

    func reader(for request: Request) throws(StoreError) -> EventReader {
        try reader(on: request.loopIndex)
    }

    /// The reader of a loop, for its thread, and what it reads no older than the last commit.
    func reader(on loopIndex: Int) throws(StoreError) -> EventReader {
        let place = places[loopIndex]
        if place.reader == nil { place.reader = try repository.makeReader() }
        guard let reader = place.reader else { preconditionFailure("a reader was just made") }
        try reader.holdSnapshot(atLeast: repository.commitCount)
        return reader
    }

    /// Ends what the reads of one wake-up of the loop shared. Whatever reads there, requests and live
    /// streams alike, runs within one, so that no snapshot outlasts it.
    func endTurn(_ loopIndex: Int) { places[loopIndex].reader?.endSnapshot() }
}
