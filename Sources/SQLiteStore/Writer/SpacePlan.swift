import EventStore
import SQLite

/// How a bound on the database and its WAL together is divided between the two, in pages.
///
/// The WAL gets a quarter, at most `walBytes`. What a transaction changes waits in the cache and then
/// goes into the WAL, and checkpoints come once there is so much of it: both are parts of that quarter.
struct SpacePlan: Equatable {
    /// Pages that the database may have; nil is any number.
    let databasePages: Int?
    let walPages: Int
    let cachePages: Int
    let checkpointPages: Int
    /// Bytes that the WAL file keeps when it begins anew.
    let walFileBytes: Int

    private static let mostCachePages = 4000
    /// Beyond the header of 32 bytes: a WAL's frame has 24 of its own before the page.
    static func frameBytes(_ pageBytes: Int) -> Int { pageBytes + 24 }

    /// - Parameter reserveBytes: the room on the disk that is held for checkpoints of a full one; 0 is
    ///   none.
    init(_ configuration: StoreConfiguration, pageBytes: Int, reserveBytes: Int = 0) {
        let frameBytes = Self.frameBytes(pageBytes)
        // The database may grow by as much as the WAL holds: twice that is the reserve.
        let mostCheckpointPages =
            reserveBytes > 0
            ? min(configuration.checkpointPages, max(1, reserveBytes / 2 / pageBytes))
            : configuration.checkpointPages
        let walBytes = configuration.walLimit
        databasePages = configuration.retention.bytes.map { ($0 - walBytes) / pageBytes }
        walPages = walBytes / frameBytes
        cachePages = min(Self.mostCachePages, walPages / 4)
        checkpointPages = max(1, min(mostCheckpointPages, walPages / 8))
        walFileBytes = walBytes / 4
    }
}
