import CLinux
import CPostgreSQL
import Glibc

/// A connection to a PostgreSQL server, version 14 or newer. Only one thread at a time may use it.
/// It is closed with the last reference.
public final class PostgreSQLConnection {
    let functions: Functions
    let handle: OpaquePointer
    let address: PostgreSQLAddress
    /// True once the connection cannot be used again.
    public internal(set) var isLost = false
    /// The statements prepared by name on this connection, by their SQL.
    var prepared: [String: PreparedStatement] = [:]
    /// The number of names that the server's session holds.
    var nameCount = 0
    /// Set by the server's warning that a commit stopped waiting for its standby.
    let isUnreplicated: UnsafeMutablePointer<Bool>

    /// The oldest version of a server that still gets security fixes.
    private static let oldestVersion = 140_000

    /// Connects to the first of the URL's hosts that accepts writes. A host gets the URL's
    /// `connect_timeout`, by default 2 s. Names are resolved by the system's resolver, which keeps
    /// its own deadlines.
    ///
    /// - Parameter deadline: in nanoseconds of `clinux_monotonic_nanoseconds`.
    /// - Throws: if no host does so in time, or the server is too old or does not store UTF-8.
    public init(_ address: PostgreSQLAddress, deadline: UInt64) throws(PostgreSQLError) {
        functions = try loadLibrary()
        self.address = address
        var connected: OpaquePointer?
        var failures = ""
        for parameters in try address.parameters() where connected == nil {
            let handle = try Self.start(functions, parameters)
            let failure = Self.connect(functions, handle, address.attemptTimeout, deadline)
            if let failure {
                failures += failure + "\n"
                functions.pointee.PQfinish(handle)
            } else {
                connected = handle
            }
        }
        guard let handle = connected else { throw Self.connectError(failures) }
        self.handle = handle
        isUnreplicated = .allocate(capacity: 1)
        isUnreplicated.initialize(to: false)
        Self.receiveNotices(functions, handle, isUnreplicated)
        try checkServer()
        guard functions.pointee.PQsetnonblocking(handle, 1) == 0,
            functions.pointee.PQenterPipelineMode(handle) == 1
        else { throw .lost(line(functions.pointee.PQerrorMessage(handle))) }
    }

    deinit {
        functions.pointee.PQfinish(handle)
        isUnreplicated.deallocate()
    }

    // MARK: State

    /// True if a transaction is open, which a failed statement may have ended already.
    public var isInTransaction: Bool {
        let status = functions.pointee.PQtransactionStatus(handle)
        return status == CPOSTGRESQL_IN_TRANSACTION || status == CPOSTGRESQL_IN_FAILED_TRANSACTION
    }

    /// The server's version, such as 150018 for 15.18.
    public var serverVersion: Int { Int(functions.pointee.PQserverVersion(handle)) }

    /// A setting that the server reports by itself
    /// (https://www.postgresql.org/docs/15/libpq-status.html#LIBPQ-PQPARAMETERSTATUS).
    public func parameter(_ name: String) -> String? {
        functions.pointee.PQparameterStatus(handle, name).map { String(cString: $0) }
    }

    // MARK: Connecting

    /// Keeps notices off standard error, and notes the one that matters: its text depends on the
    /// server's language, the function that it comes from does not.
    private static func receiveNotices(
        _ functions: Functions, _ handle: OpaquePointer,
        _ isUnreplicated: UnsafeMutablePointer<Bool>?
    ) {
        _ = functions.pointee.PQsetNoticeReceiver(
            handle,
            { context, notice in
                guard let context, let functions = cpostgresql_load(),
                    let source = functions.pointee.PQresultErrorField(
                        notice, ErrorField.function),
                    strcmp(source, "SyncRepWaitForLSN") == 0
                else { return }
                context.assumingMemoryBound(to: Bool.self).pointee = true
            }, isUnreplicated)
    }

    private static func start(
        _ functions: Functions, _ parameters: [String: String]
    ) throws(PostgreSQLError) -> OpaquePointer {
        let copies = parameters.map { (strdup($0), strdup($1)) }
        defer {
            for (keyword, value) in copies {
                free(keyword)
                free(value)
            }
        }
        let keywords = copies.map { UnsafePointer($0.0) } + [nil]
        let values = copies.map { UnsafePointer($0.1) } + [nil]
        guard let handle = functions.pointee.PQconnectStartParams(keywords, values, 0) else {
            throw .lost("out of memory")
        }
        receiveNotices(functions, handle, nil)
        // While connecting, only this gives an error's SQLSTATE.
        _ = functions.pointee.PQsetErrorVerbosity(handle, Int32(CPOSTGRESQL_VERBOSE))
        return handle
    }

    /// Connects to a host, one of its name's addresses after the other.
    ///
    /// - Returns: nil, or why that failed, in lines as libpq writes them.
    private static func connect(
        _ functions: Functions, _ handle: OpaquePointer, _ timeout: UInt64?, _ deadline: UInt64
    ) -> String? {
        var isSilent = false
        var attempt = ""
        var attemptDeadline = deadline
        // https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-PQCONNECTSTARTPARAMS
        var state = Int32(CPOSTGRESQL_POLLING_WRITING)
        var isReady = false
        while functions.pointee.PQstatus(handle) != CPOSTGRESQL_CONNECTION_BAD {
            if isReady { state = functions.pointee.PQconnectPoll(handle) }
            if state == CPOSTGRESQL_POLLING_OK { return nil }
            if state == CPOSTGRESQL_POLLING_FAILED { break }
            let now = clinux_monotonic_nanoseconds()
            let current = line(functions.pointee.PQhostaddr(handle))
            if current != attempt {
                attempt = current
                attemptDeadline = timeout.map { min(deadline, now + $0) } ?? deadline
            }
            // libpq keeps no time here. A connection that is shut down has failed, and it goes on
            // to the next address.
            if now >= attemptDeadline {
                isSilent = true
                shutdown(functions.pointee.PQsocket(handle), Int32(SHUT_RDWR))
            }
            isReady = wait(
                functions, handle,
                for: state == CPOSTGRESQL_POLLING_READING ? POLLIN : POLLOUT, until: attemptDeadline
            )
        }
        return isSilent
            ? "connection to server at \"\(line(functions.pointee.PQhost(handle)))\" failed: "
                + "no answer in time"
            : functions.pointee.PQerrorMessage(handle).map { String(cString: $0) } ?? ""
    }

    /// The error of a failed connection. libpq has no function for its SQLSTATE, but writes it in
    /// front of the server's text: `FATAL:  28P01: password authentication failed`.
    private static func connectError(_ text: String) -> PostgreSQLError {
        var states: [String] = []
        var attempts = 0
        var message: [String] = []
        for part in text.split(whereSeparator: \.isNewline) where !part.hasPrefix("LOCATION:") {
            if part.hasPrefix("connection to server") { attempts += 1 }
            guard let mark = part.firstRange(of: ":  "), part[mark.upperBound...].isSQLStateFirst
            else {
                message.append(String(part))
                continue
            }
            let rest = part[mark.upperBound...]
            states.append(String(rest.prefix(5)))
            message.append(part[..<mark.lowerBound] + ": " + rest.dropFirst("28P01: ".count))
        }
        let all = message.joined(separator: "; ")
        // One host that did not answer may answer the next time.
        guard let last = states.last, states.count >= attempts else { return .lost(all) }
        let errors = states.map { PostgreSQLError(sqlState: $0, message: all) }
        return errors.first(where: \.mayPass) ?? PostgreSQLError(sqlState: last, message: all)
    }

    private func checkServer() throws(PostgreSQLError) {
        guard serverVersion >= Self.oldestVersion else {
            let version = parameter("server_version") ?? "\(serverVersion)"
            throw PostgreSQLError(
                message: "the server is PostgreSQL \(version); 14 or newer is needed")
        }
        if let encoding = parameter("server_encoding"), encoding != "UTF8" {
            throw PostgreSQLError(
                message: "the database's encoding is \(encoding); create one with ENCODING 'UTF8'")
        }
    }

    // MARK: Waiting

    /// Waits for the socket, for 100 ms at most, so that a caller looks at other things, too.
    ///
    /// - Returns: true if it is ready.
    static func wait(
        _ functions: Functions, _ handle: OpaquePointer, for events: Int32, until deadline: UInt64
    ) -> Bool {
        let now = clinux_monotonic_nanoseconds()
        let left = deadline > now ? (deadline - now) / 1_000_000 + 1 : 0
        var socket = pollfd(
            fd: functions.pointee.PQsocket(handle), events: Int16(events), revents: 0)
        return poll(&socket, 1, Int32(min(left, 100))) > 0
    }
}

/// Fields of an error (`PG_DIAG_...` in postgres_ext.h).
enum ErrorField {
    static let severity = Int32(UInt8(ascii: "V"))
    static let sqlState = Int32(UInt8(ascii: "C"))
    static let message = Int32(UInt8(ascii: "M"))
    static let function = Int32(UInt8(ascii: "R"))
}

extension Substring {
    /// True if it begins with a SQLSTATE, a colon and a space.
    fileprivate var isSQLStateFirst: Bool {
        let state = utf8.prefix(5)
        return state.count == 5 && dropFirst(5).hasPrefix(": ")
            && state.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
            }
    }
}
