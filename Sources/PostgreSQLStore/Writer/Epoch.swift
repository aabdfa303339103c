import EventStore
import PostgreSQL

/// The epoch of the order of events. A server that took over without the last commits of the one
/// before would give their seqs again, so whoever notices begins a new epoch, and streams that
/// resume at a position of an older one are told that they may have missed events.
///
/// Two things are noticed on each new connection: a head or an epoch below those that this process
/// has seen; and another timeline of the server, unless commits are replicated, because then none
/// was lost. A new primary may have no standby yet, so if all commits require one, that is enough.
enum Epoch {
    static func check(
        _ connection: PostgreSQLConnection, seen head: Head, requiresReplication: Bool,
        deadline: UInt64
    ) throws(PostgreSQLError) {
        // Only a primary has a timeline to tell, and not every cloud lets one ask.
        var timeline: [UInt8] = []
        do throws(PostgreSQLError) {
            try connection.run(
                [
                    PostgreSQLStatement(
                        "SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END"
                    )
                ], deadline: deadline
            ) { _, row in
                timeline = row.bytes(0).map(Array.init) ?? []
                return false
            }
        } catch {
            guard !error.isConnectionLost, !error.mayPass else { throw error }
        }
        var found: (seq: Int64, epoch: Int64) = (0, 0)
        let seen = PostgreSQLValue.integer(head.seq)
        var statements = [
            PostgreSQLStatement("BEGIN ISOLATION LEVEL READ COMMITTED"),
            PostgreSQLSchema.Lock.head.statement,
            PostgreSQLStatement(
                """
                UPDATE store_state
                SET epoch = greatest(epoch, $3) + 1, floor_seq = greatest(floor_seq, $1),
                  epoch_start = \(PostgreSQLSchema.headSeq)
                WHERE \(PostgreSQLSchema.headSeq) < $1 OR epoch < $3
                  OR timeline <> '' AND $2 <> '' AND timeline <> $2
                    AND current_setting('synchronous_standby_names') = '' AND NOT \(requiresReplication)
                """, [seen, .text(timeline), .integer(head.epoch)]),
        ]
        if !timeline.isEmpty {
            statements.append(
                PostgreSQLStatement(
                    "UPDATE store_state SET timeline = $1 WHERE timeline <> $1", [.text(timeline)]))
        }
        statements += [Epoch.select, PostgreSQLStatement("COMMIT")]
        let place = statements.count - 2
        try connection.run(statements, deadline: deadline) { statement, row in
            if statement == place { found = (row.integer(0), row.integer(1)) }
            return true
        }
        if head.look(found.seq, epoch: found.epoch) { head.commits.tell() }
    }

    /// Selects the head, the epoch, and true if no standby takes part in commits.
    static let select = PostgreSQLStatement(
        "SELECT \(PostgreSQLSchema.headSeq), epoch, current_setting('synchronous_standby_names') = '' FROM store_state"
    )
}
