import EventStore
import SQLite

/// Figures since the store was opened, which SQLite alone has.
public struct SQLiteStatistics: Sendable {
    /// Bytes of the files, and of the volume that they are on, when they were last measured.
    public var sizes = StoreSizes()
    /// Bytes that the WAL held when it held most.
    public var mostWALBytes: Int64 = 0
    /// Nanoseconds that each checkpoint took, which moved pages of the WAL into the file.
    public var checkpointTimes = Distribution.times
    /// How long the longest took.
    public var longestCheckpoint = Duration.zero
    /// The longest that a slice of each job held up the writer.
    public var longestSlices: [String: Duration] = [:]
    /// Age of the oldest read that is going on; zero when there is none.
    public var oldestReader = Duration.zero
    /// Events that are not in the search index yet, at most.
    public var searchLag = 0
    /// Reads that were stopped because they held up a checkpoint.
    public var stoppedReaders = 0

    /// As a report, for a store of this `configuration` whose files are as large as `files` now.
    func report(
        _ configuration: StoreConfiguration, files: (database: Int64, wal: Int64)
    ) -> EngineReport {
        var report = EngineReport(version: ("sqlite_version", Connection.libraryVersion))
        report.metrics = [
            EngineMetric(
                "logbook_checkpoint_duration_seconds",
                "How long a checkpoint took, its syncs included.", .times(checkpointTimes)),
            EngineMetric(
                "logbook_oldest_read_seconds", "Age of the oldest read going on.",
                .time(oldestReader)),
            EngineMetric(
                "logbook_reads_stopped_total",
                "Reads stopped because they kept the WAL from being emptied.",
                .counter(stoppedReaders)),
            EngineMetric(
                "logbook_database_bytes", "Size of the database file.", .gauge(Int(sizes.database))),
            EngineMetric(
                "logbook_database_free_bytes", "Bytes of it that hold nothing.",
                .gauge(Int(sizes.free))),
            EngineMetric(
                "logbook_database_limit_bytes",
                "What database and WAL may have together; 0 is any size.",
                .gauge(configuration.retention.bytes ?? 0)),
            EngineMetric("logbook_wal_bytes", "Size of the WAL file.", .gauge(Int(sizes.wal))),
            EngineMetric(
                "logbook_wal_limit_bytes", "What the WAL may have.", .gauge(configuration.walLimit)),
            EngineMetric(
                "logbook_volume_bytes", "Size of the volume of the database.",
                .gauge(Int(sizes.volume))),
            EngineMetric(
                "logbook_volume_free_bytes", "Bytes of it that may still be written.",
                .gauge(Int(sizes.volumeFree))),
            EngineMetric(
                "logbook_search_lag_events",
                "Events that are not in the search index yet, and are looked through one by one.",
                .gauge(searchLag)),
        ]
        report.members = [
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
