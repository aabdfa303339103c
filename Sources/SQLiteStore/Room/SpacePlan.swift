import EventStore
import SQLite

/// The division of the size limit between the database and its WAL, in pages.
///
/// The WAL gets a quarter, at most `walBytes`. The cache, where changes wait before they go into
/// the WAL, and the WAL's size at which a checkpoint runs, are fractions of that quarter.
struct SpacePlan: Equatable {
    /// The most pages of the database; nil for any number.
    let databasePages: Int?
    let walPages: Int
    let cachePages: Int
    let checkpointPages: Int
    /// The bytes that a page takes in the WAL.
    let frameBytes: Int
    /// The bytes that the WAL file keeps when it starts over.
    let walFileBytes: Int
}

extension SpacePlan {
    private static let mostCachePages = 4000
    /// The bytes before the page in each frame of the WAL.
    private static let frameHeaderBytes = 24

    /// - Parameter reserveBytes: the room held for checkpoints on a full disk; 0 for none.
    init(_ configuration: StoreConfiguration, pageBytes: Int, reserveBytes: Int = 0) {
        // A checkpoint may grow the database by the size of the WAL; the reserve is twice that.
        let mostCheckpointPages =
            reserveBytes > 0
            ? min(configuration.checkpointPages, max(1, reserveBytes / 2 / pageBytes))
            : configuration.checkpointPages
        let walBytes = configuration.walLimit
        let walPages = walBytes / (pageBytes + Self.frameHeaderBytes)
        self.init(
            databasePages: configuration.retention.bytes.map { ($0 - walBytes) / pageBytes },
            walPages: walPages,
            cachePages: min(Self.mostCachePages, walPages / 4),
            checkpointPages: max(1, min(mostCheckpointPages, walPages / 8)),
            frameBytes: pageBytes + Self.frameHeaderBytes,
            walFileBytes: walBytes / 4)
    }
}
