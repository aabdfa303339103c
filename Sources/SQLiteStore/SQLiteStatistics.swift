public import EventStore
import SQLite

/// Figures that only SQLite has, since the store was opened.
public struct SQLiteStatistics: Sendable {
    /// The events in the database; nil until they have been counted, after the start.
    public var events: Int?
    /// Bytes of the files and of their volume, when last measured.
    public var sizes = StoreSizes()
    /// The most bytes that the WAL has held.
    public var mostWALBytes: Int64 = 0
    /// Nanoseconds of each checkpoint that moved pages of the WAL into the file.
    public var checkpointTimes = Distribution.times
    /// The time of the longest one.
    public var longestCheckpoint = Duration.zero
    /// The longest time that a slice of each job held up the writer.
    public var longestSlices: [String: Duration] = [:]
    /// The age of the oldest read in progress; zero if there is none.
    public var oldestReader = Duration.zero
    /// An upper bound on the events that are not in the search index yet.
    public var searchLag = 0
    /// Reads that were stopped because they held up a checkpoint.
    public var stoppedReaders = 0

    /// Makes a report for a store with this `configuration` and these `files`.
    func report(
        _ configuration: StoreConfiguration, files: (database: Int64, wal: Int64)
    ) -> EngineReport {
        var report = EngineReport(version: ("sqlite_version", Connection.libraryVersion))
        report.metrics = [
            EngineMetric(
                "logbook_checkpoint_duration_seconds",
                "Time of a checkpoint, including its syncs.", .times(checkpointTimes)),
            EngineMetric(
                "logbook_oldest_read_seconds",
                "Age of the oldest read in progress; 0 if there is none.",
                .time(oldestReader)),
            EngineMetric(
                "logbook_reads_stopped_total",
                "Reads stopped because they kept the WAL from being emptied.",
                .counter(stoppedReaders)),
            EngineMetric(
                "logbook_events",
                "Events in the database; absent until they have been counted, after the start.",
                .gauge(events)),
            EngineMetric(
                "logbook_database_bytes", "Size of the database file.", .gauge(Int(sizes.database))),
            EngineMetric(
                "logbook_database_free_bytes",
                "Empty bytes in the database file, which are filled first.",
                .gauge(Int(sizes.free))),
            EngineMetric(
                "logbook_database_limit_bytes",
                "Limit on the bytes of database and WAL together; 0 for none.",
                .gauge(configuration.retention.bytes ?? 0)),
            EngineMetric("logbook_wal_bytes", "Size of the WAL file.", .gauge(Int(sizes.wal))),
            EngineMetric(
                "logbook_wal_limit_bytes", "Limit on the bytes of the WAL file.",
                .gauge(configuration.walLimit)),
            EngineMetric(
                "logbook_volume_bytes", "Size of the database's volume.",
                .gauge(Int(sizes.volume))),
            EngineMetric(
                "logbook_volume_free_bytes", "Free bytes of the database's volume.",
                .gauge(Int(sizes.volumeFree))),
            EngineMetric(
                "logbook_search_lag_events",
                "Events not yet in the search index, which a search examines one by one.",
                .gauge(searchLag)),
        ]
        report.members = [
            EngineMember("durability", .text("full")),
            EngineMember("database_bytes", .number(Int(files.database))),
            EngineMember("wal_bytes", .number(Int(files.wal))),
        ]
        func microseconds(_ time: Duration) -> EngineMember.Value {
            .number(Int(time / .microseconds(1)))
        }
        let slices = longestSlices.sorted { $0.key < $1.key }
            .map { EngineMember($0.key, microseconds($0.value)) }
        report.statistics = [
            EngineMember("checkpoints", .number(checkpointTimes.counts.reduce(0, +))),
            EngineMember("checkpoint_us", .number(checkpointTimes.sum / 1000)),
            EngineMember("longest_checkpoint_us", microseconds(longestCheckpoint)),
            EngineMember("most_wal_bytes", .number(Int(mostWALBytes))),
            EngineMember("oldest_reader_us", microseconds(oldestReader)),
            EngineMember("stopped_readers", .number(stoppedReaders)),
            EngineMember("longest_slices_us", .members(slices)),
        ]
        return report
    }
}
