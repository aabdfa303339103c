import CLinux
import Dispatch
import EventStore
import Events
import Glibc
import Logging
import PostgreSQL
import Synchronization
import System

/// Looks for the commits of other processes, and holds the lease of what one process at a time does:
/// retention, and watching clusters. Both are by the database's clock, over a connection of its own.
///
/// `@unchecked Sendable`: everything that changes is used only on `queue`, or is behind a lock.
final class Lookout: @unchecked Sendable {
    private let address: PostgreSQLAddress
    private let head: Head
    private let availability: Availability
    private let retention: RetentionWork
    private let interval: UInt64
    private let logger: Logger
    private let queue = DispatchQueue(label: "logbook.lookout", qos: .utility)
    private var connection: PostgreSQLConnection?
    private let owner: [UInt8]
    private var nextRenewal: UInt64 = 0
    /// The end of the lease; 0 without one.
    private let leaseEnd = Mutex<UInt64>(0)
    private var failures = 0
    private var lastSuccess = clinux_monotonic_nanoseconds()
    private var hasTold = false
    private let isClosed = Atomic(false)
    private let leader: Leadership
    private let requiresReplication: Bool

    /// Nanoseconds that a lease lasts.
    private let lease: UInt64
    /// Nanoseconds that a look may take.
    private let patience: UInt64
    /// Nanoseconds between two looks while there is much to remove.
    private static let busyPause: UInt64 = 10_000_000
    private static let second: UInt64 = 1_000_000_000
    /// The failures in a row after which the server counts as unreachable.
    private static let mostFailures = 3

    init(
        _ configuration: PostgreSQLConfiguration, head: Head, availability: Availability,
        writer: PostgreSQLWriter, leader: Leadership, logger: Logger
    ) {
        address = configuration.address
        self.head = head
        self.availability = availability
        self.leader = leader
        requiresReplication = configuration.requiresReplication
        interval = configuration.lookInterval.inNanoseconds
        lease = configuration.lease.inNanoseconds
        patience = min(5 * Self.second, configuration.exchangeLimit.inNanoseconds)
        self.logger = logger
        retention = RetentionWork(configuration, writer: writer, logger: logger)
        var name = utsname()
        uname(&name)
        let host = withUnsafeBytes(of: name.nodename) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        owner = Array("\(host)/\(getpid())/\(UInt32.random(in: .min ... .max))".utf8)
    }

    /// Starts looking.
    func start() { queue.async { self.look() } }

    /// Ends looking, and gives the lease to whoever wants it.
    func close() {
        isClosed.store(true, ordering: .relaxed)
        queue.sync {
            guard endLease(), let connection else { return }
            _ = try? connection.run(
                [
                    PostgreSQLStatement(
                        "DELETE FROM leases WHERE owner = $1", [.text(owner)])
                ], deadline: clinux_monotonic_nanoseconds() + Self.second)
            self.connection = nil
        }
    }

    private func look() {
        guard !isClosed.load(ordering: .relaxed) else { return }
        do throws(PostgreSQLError) {
            let connection = try connected()
            try lookForCommits(connection)
            if clinux_monotonic_nanoseconds() >= nextRenewal { try renew(connection) }
            if leader.isHeld { try retention.run(connection, deadline: deadline) }
            failures = 0
        } catch {
            noteFailure(error)
        }
        let pause = retention.isBusy ? min(interval, Self.busyPause) : interval
        let rest = failures == 0 ? pause : min(Self.second, interval << UInt64(min(failures, 4)))
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(rest))) { [weak self] in self?.look() }
    }

    private var deadline: UInt64 { clinux_monotonic_nanoseconds() + patience }

    private func connected() throws(PostgreSQLError) -> PostgreSQLConnection {
        if let connection, !connection.isLost { return connection }
        let new = try PostgreSQLConnection(address, deadline: deadline)
        connection = new
        return new
    }

    private func noteFailure(_ error: PostgreSQLError) {
        connection = nil
        failures += 1
        // One is a server that restarts; more of them, or one that hangs, are told to the probes.
        guard !hasTold,
            failures >= Self.mostFailures
                || clinux_monotonic_nanoseconds() - lastSuccess >= patience
        else { return }
        hasTold = true
        // The next look that succeeds ends it, whatever the error is.
        _ = availability.note(error, since: lastSuccess, as: Availability.unreachable)
    }

    private func lookForCommits(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        var found: (seq: Int64, epoch: Int64) = (0, 0)
        var isAlone = false
        try connection.run([Epoch.select], deadline: deadline) { _, row in
            found = (row.integer(0), row.integer(1))
            isAlone = row.integer(2) != 0
            return false
        }
        if head.look(found.seq, epoch: found.epoch) { head.commits.tell() }
        lastSuccess = clinux_monotonic_nanoseconds()
        if requiresReplication, isAlone {
            _ = availability.note(
                PostgreSQLError(
                    sqlState: PostgreSQLSchema.noStandby,
                    message: "synchronous_standby_names is empty"), since: lastSuccess)
        } else {
            availability.end(Availability.noStandby)
        }
        if hasTold { availability.end(Availability.unreachable) }
        hasTold = false
    }

    private func renew(_ connection: PostgreSQLConnection) throws(PostgreSQLError) {
        let asked = clinux_monotonic_nanoseconds()
        var isHeld = false
        try connection.run(
            [
                PostgreSQLStatement(
                    """
                    INSERT INTO leases VALUES ('upkeep', $1, clock_timestamp() + interval '\(lease / 1000) us')
                    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
                    WHERE leases.owner = excluded.owner OR leases.until < clock_timestamp()
                    RETURNING true
                    """, [.text(owner)])
            ], deadline: deadline
        ) { _, _ in
            isHeld = true
            return false
        }
        nextRenewal = asked + lease / 3
        // Less than the database grants, because clocks differ in speed.
        if isHeld {
            hold(until: asked + lease - lease / 15)
        } else if !endLease() {
            // Until now it may have been unknown.
            leader.end()
        }
    }

    private func hold(until end: UInt64) {
        leaseEnd.withLock { leaseEnd in
            leaseEnd = end
            leader.begin()
        }
        // A look may hang beyond the end.
        DispatchQueue.global().asyncAfter(deadline: DispatchTime(uptimeNanoseconds: end)) {
            [weak self] in self?.endLease(from: end)
        }
    }

    /// Ends the lease; false if there is none, or it was renewed since it was to end at `end`.
    @discardableResult
    private func endLease(from end: UInt64? = nil) -> Bool {
        leaseEnd.withLock { leaseEnd in
            guard leaseEnd > 0, end ?? leaseEnd == leaseEnd else { return false }
            leaseEnd = 0
            leader.end()
            return true
        }
    }
}
