import EventStore
import HTTPServer

/// One reader for each event loop, opened at its first read, where the store can answer at once.
///
/// `@unchecked Sendable`: each loop touches its own place alone.
final class LoopReaders: @unchecked Sendable {
    private final class Place {
        var reader: (any LocalReader)?
    }

    let repository: any EventRepository
    private let places: [Place]

    init(_ repository: any EventRepository, loops: Int) {
        self.repository = repository
        places = (0..<loops).map { _ in Place() }
    }

    /// The reader of a loop, for its thread, and what it reads no older than the last commit; nil where all is read
    /// elsewhere.
    func reader(on loopIndex: Int) throws(StoreError) -> (any LocalReader)? {
        let place = places[loopIndex]
        if place.reader == nil { place.reader = try repository.makeLocalReader() }
        try place.reader?.holdSnapshot(atLeast: repository.commits.count)
        return place.reader
    }

    /// Ends what the reads of one wake-up of the loop shared. Whatever reads there, requests and live
    /// streams alike, runs within one, so that no snapshot outlasts it.
    func endTurn(_ loopIndex: Int) { places[loopIndex].reader?.endSnapshot() }
}
