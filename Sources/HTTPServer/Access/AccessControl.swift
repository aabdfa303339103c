import Glibc
import Logging
import Synchronization
import System

/// Who may have which requests run: by a bearer token (RFC 6750) or a client certificate, after an access file that
/// may change while the server runs. A route without a scope, and an endpoint with paths of its own, ask for nothing.
public final class AccessControl: Sendable {
    private let path: String
    private let realm: String
    private let logger: Logger
    private let list: FileValue<AccessList>
    private let log: ThrottledLog
    private let counts: [Reason: Count]

    /// Why a request was refused; the last two in the words of RFC 6750, 3.1.
    public enum Reason: String, CaseIterable, Sendable {
        case noToken = "no_token"
        case invalidToken = "invalid_token"
        case insufficientScope = "insufficient_scope"
    }

    private final class Count: Sendable {
        let value = Atomic<Int>(0)
    }

    /// What a request was let in by, to be asked for again while it goes on.
    struct Admission: Sendable {
        /// What the client may do.
        var scopes: Scopes { entry.scopes }
        fileprivate let entry: AccessList.Entry
        fileprivate let list: AccessList

        /// Of the name in the file; no address has the highest bit.
        var client: UInt64 { UInt64(bitPattern: Int64(entry.name.hashValue)) | 1 << 63 }
    }

    /// A request that is not let in.
    struct Refusal: Error {
        let error: HTTPError
        /// nil where it says nothing of access.
        var reason: Reason?
        /// Whose token or certificate it was.
        var name: String?
    }

    /// Reads the access file at `path`.
    ///
    /// - Throws: when it cannot be read, or is not what it should be.
    public init(path: String, realm: String, logger: Logger) throws(AccessError) {
        self.path = path
        self.realm = realm
        self.logger = logger
        log = ThrottledLog(logger, level: .warning)
        counts = Dictionary(uniqueKeysWithValues: Reason.allCases.map { ($0, Count()) })
        list = try FileValue(of: [path]) { () throws(AccessError) in try Self.read(path) }
        tell()
    }

    /// How many requests were refused for this reason.
    func count(_ reason: Reason) -> Int { counts[reason]?.value.load(ordering: .relaxed) ?? 0 }

    // MARK: The file

    /// Reads the file again if it has changed; true when that has succeeded.
    public func reloadIfChanged() -> Bool { list.hasChanged && reload() }

    /// Reads the file again; true when that has succeeded.
    public func reload() -> Bool {
        do throws(AccessError) {
            try list.update { () throws(AccessError) in try Self.read(path) }
            tell()
            return true
        } catch {
            logger.error("Access stays as it was: \(error)")
            return false
        }
    }

    private func tell() {
        let (tokens, certificates) = list.current.counts
        logger.info("Access by \(path): \(tokens) tokens, \(certificates) certificates")
        var file = stat()
        if stat(path, &file) == 0, file.st_mode & S_IWOTH != 0 {
            logger.warning("Anybody on this machine can change \(path): chmod o-w it")
        }
    }

    private static func read(_ path: String) throws(AccessError) -> AccessList {
        do throws(AccessError) {
            return try AccessList(try bytes(path))
        } catch {
            throw AccessError(
                description: "the access file \(path) cannot be used: \(error.description)")
        }
    }

    private static func bytes(_ path: String) throws(AccessError) -> [UInt8] {
        func failure() -> AccessError {
            AccessError(description: String(cString: strerror(errno)))
        }
        let descriptor = retryingInterrupts { open(path, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count <= AccessList.mostBytes {
            let count = retryingInterrupts { Glibc.read(descriptor, &piece, piece.count) }
            guard count >= 0 else { throw failure() }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        return bytes
    }

    // MARK: Requests

    /// Lets a request in that asks for `scope`, by its `head` in `bytes`.
    ///
    /// A token that is sent decides alone; without one the certificate does.
    func admit(
        _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, for scope: Scopes,
        over transport: Transport
    ) throws(Refusal) -> Admission {
        let list = list.current
        let token: UnsafeRawBufferPointer?
        do throws(HTTPError) {
            token = try head.bearerToken(in: bytes)
        } catch {
            throw Refusal(error: error)
        }
        let entry: AccessList.Entry?
        if let token {
            entry = list.entry(ofToken: token)
        } else if !list.certificates.isEmpty, let session = transport.session {
            entry = list.entry(ofCertificate: session.clientNames, for: scope)
        } else {
            entry = nil
        }
        guard let entry else { throw token == nil ? noToken(for: scope) : unknownToken }
        guard entry.scopes.contains(scope) else { throw insufficient(entry, for: scope) }
        return Admission(entry: entry, list: list)
    }

    /// Looks at `admission` again after the file may have changed; nil when it is over.
    func renew(_ admission: Admission, for scope: Scopes) -> Admission? {
        let list = list.current
        if list === admission.list { return admission }
        guard list.holds(admission.entry, for: scope) else { return nil }
        return Admission(entry: admission.entry, list: list)
    }

    private func noToken(for scope: Scopes) -> Refusal {
        let error = HTTPError(
            .unauthorized,
            "This needs the scope \(scope): send a token that has it, as 'Authorization: Bearer TOKEN'."
        )
        return refusal(error, .noToken)
    }

    /// Of a token that is not in the file.
    var unknownToken: Refusal {
        let error = HTTPError(
            .unauthorized,
            "The token is not known here: it has been removed, or was not copied whole.")
        return refusal(error, .invalidToken)
    }

    private func insufficient(_ entry: AccessList.Entry, for scope: Scopes) -> Refusal {
        let error = HTTPError(
            .forbidden, "This needs the scope \(scope), and '\(entry.name)' has \(entry.scopes).")
        return refusal(error, .insufficientScope, scope: scope, name: entry.name)
    }

    private func refusal(
        _ error: HTTPError, _ reason: Reason, scope: Scopes? = nil, name: String? = nil
    ) -> Refusal {
        var challenge = "Bearer realm=\"\(realm)\""
        // RFC 6750, 3: without credentials it "SHOULD NOT include an error code".
        if reason != .noToken { challenge += ", error=\"\(reason.rawValue)\"" }
        if let scope { challenge += ", scope=\"\(scope)\"" }
        var error = error
        error.challenge = Array(challenge.utf8)
        return Refusal(error: error, reason: reason, name: name)
    }

    /// Counts and logs `refusal` of a request from `peer`, at the time `now` in nanoseconds.
    func note(
        _ refusal: Refusal, _ method: HTTPMethod?, _ route: Route, from peer: PeerAddress,
        now: UInt64
    ) {
        guard let reason = refusal.reason else { return }
        counts[reason]?.value.wrappingAdd(1, ordering: .relaxed)
        log.note(now: now) {
            var metadata: Logger.Metadata = [
                "client": "\(peer)", "method": "\(method?.rawValue ?? "other")",
                "route": "\(route.path)", "reason": "\(reason.rawValue)",
            ]
            if let name = refusal.name { metadata["name"] = "\(name)" }
            return ("Access refused", metadata)
        }
    }
}

extension RequestHead {
    /// The token of a request; nil when it brings none, also when its Authorization is of another scheme.
    ///
    /// - Throws: when there are two fields, for another server might take the other one.
    func bearerToken(in bytes: UnsafeRawBufferPointer) throws(HTTPError) -> UnsafeRawBufferPointer?
    {
        var found: UnsafeRawBufferPointer?
        for field in fields where bytes.slice(field.name).equalsIgnoringCase("authorization") {
            guard found == nil else {
                throw HTTPError(.badRequest, "Authorization appears twice.")
            }
            found = bytes.slice(field.value)
        }
        // RFC 6750, 2.1: credentials = "Bearer" 1*SP b64token. RFC 9110, 11.1: the scheme's case does not matter.
        guard let value = found, value.count >= 6, value.slice(0..<6).equalsIgnoringCase("bearer"),
            value.count == 6 || value[6] == ASCII.space
        else { return nil }
        return value.slice(6..<value.count).trimmingBlanks()
    }
}
