import EventStore
import Logging
import SQLite

/// The writer's jobs: creates them, gives them slices, and takes their orders.
///
/// For the writer's thread alone.
final class WriterJobs {
    private let schedule: JobSchedule
    private let retention: RetentionJob
    private let backups: BackupJob
    private let deletions: DeletionJob
    private let indexing: IndexingJob

    init(
        _ connection: Connection, _ statements: EventStatements, _ search: SearchIndex,
        _ room: DiskRoom, _ clock: StoreClock, _ configuration: StoreConfiguration,
        commits: CommitFeed, figures: StoreFigures, reads: OpenReads, logger: Logger
    ) throws(SQLiteError) {
        let path = configuration.path
        let retention = try RetentionJob(
            connection, statements, room, clock, configuration, figures: figures, logger: logger
        ) { () throws(SQLiteError) in
            try SQLiteReader(path: path, logger: logger, reads: reads)
        }
        self.retention = retention
        backups = BackupJob(connection)
        deletions = DeletionJob(connection, statements, room) { [count = retention.count] deleted in
            commits.note(lastSeq: commits.lastSeq)
            figures.noteDeleted(deleted)
            count.note(-deleted)
        }
        indexing = IndexingJob(
            connection, search, try DocumentMaker(path: path), room, figures: figures)
        schedule = JobSchedule(connection, room, figures: figures, reads: reads, logger: logger)
        schedule.add(room.checkpoints)
        schedule.add(retention)
        schedule.add(backups)
        schedule.add(deletions)
        schedule.add(try ShrinkJob(connection, room))
        schedule.add(indexing)
        schedule.add(MergingJob(connection, search, room))
        schedule.add(try MeasuringJob(connection, path: path, figures: figures, reads: reads))
    }

    /// Runs slices of jobs that are due, for a limited time.
    ///
    /// - Returns: true if a job is still due.
    func run() -> Bool { schedule.run() }

    /// The time until a job is due; nil if none will be before a commit.
    var timeUntilDue: Duration? { schedule.timeUntilDue }

    /// Records a commit, and how many events it removed to make room.
    func noteCommit(_ tally: EventTally, removed: Int) {
        retention.count.note(tally.gained)
        retention.noteRemoved(removed, .bytes)
    }

    /// Starts deleting the events with these numbers.
    func delete(_ seqs: [Int64], _ completion: @escaping DeletionJob.Completion) {
        deletions.delete(seqs, completion)
        schedule.wake(deletions)
    }

    /// Starts a copy of the database to the new file at `path`; one at a time.
    func backUp(to path: String, _ completion: @escaping BackupJob.Completion) {
        backups.begin(to: path, completion)
        schedule.wake(backups)
    }

    /// Abandons unfinished work, and ends work on other threads.
    func stop() {
        backups.stop()
        deletions.stop()
        indexing.stop()
    }
}
