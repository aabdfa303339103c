import Glibc
public import HTTPServer
import Ingest
public import Logging
import Synchronization
package import System
package import TLS

/// Controls access by token (RFC 6750), client certificate or signed body. The rules come from an
/// access file that may change while the server runs. A route without a scope, and an endpoint with paths
/// of its own, demand nothing.
public final class AccessControl: Gatekeeper {
    private let path: String
    private let realm: String
    private let logger: Logger
    private let list: FileValue<AccessList>
    /// The files with secrets, as of the last attempt to read them.
    private let secretFiles: Mutex<[String: FileIdentity]>
    private let log: ThrottledLog
    private let counts: [Reason: Count]

    /// The reason a request was refused. The second and the third use the words of RFC 6750, 3.1.
    public enum Reason: String, CaseIterable, Sendable {
        case noToken = "no_token"
        case invalidToken = "invalid_token"
        case insufficientScope = "insufficient_scope"
        case invalidSignature = "invalid_signature"
    }

    private final class Count: Sendable {
        let value = Atomic<Int>(0)
    }

    /// The line of the access file that let a request in.
    private struct Grant: Admission {
        let entry: AccessList.Entry
        let list: AccessList

        /// A hash of the name in the file; no address has the highest bit.
        var client: UInt64 { UInt64(bitPattern: Int64(entry.name.hashValue)) | 1 << 63 }
    }

    /// A promise that the body will have a signature by one of `signers`.
    private struct Signed: Admission {
        let signers: [AccessList.Entry]
        let code: [UInt8]

        var client: UInt64 { UInt64(bitPattern: Int64(signers[0].name.hashValue)) | 1 << 63 }
    }

    /// The longest signed body, in bytes: it is received before anything is known of its sender.
    private static let signedBytes = 1024 * 1024

    /// Reads the access file at `path`.
    ///
    /// - Throws: if it is unreadable or invalid.
    public init(path: String, realm: String, logger: Logger) throws(AccessError) {
        self.path = path
        self.realm = realm
        self.logger = logger
        log = ThrottledLog(logger, level: .warning)
        counts = Dictionary(uniqueKeysWithValues: Reason.allCases.map { ($0, Count()) })
        list = try FileValue(of: [path]) { () throws(AccessError) in try Self.read(path) }
        secretFiles = Mutex(list.current.secretFiles)
        tell()
    }

    /// The number of requests refused for this reason.
    func count(_ reason: Reason) -> Int { counts[reason]?.value.load(ordering: .relaxed) ?? 0 }

    /// The number of refused requests by reason.
    package var refusals: [String: Int] {
        Dictionary(uniqueKeysWithValues: Reason.allCases.map { ($0.rawValue, count($0)) })
    }

    // MARK: The file

    /// Reads the file again if it has changed; true if that succeeded.
    public func reloadIfChanged() -> Bool { (list.hasChanged || haveSecretsChanged) && reload() }

    private var haveSecretsChanged: Bool {
        secretFiles.withLock { $0.contains { FileIdentity($0.key) != $0.value } }
    }

    /// Reads the file again; true if that succeeded.
    public func reload() -> Bool {
        // Remembered even if it fails, to report an error once for each change.
        secretFiles.withLock { files in
            for path in files.keys { files[path] = FileIdentity(path) }
        }
        do throws(AccessError) {
            try list.update { () throws(AccessError) in try Self.read(path) }
            secretFiles.withLock { $0 = list.current.secretFiles }
            tell()
            return true
        } catch {
            logger.error("Access is unchanged: \(error)")
            return false
        }
    }

    private func tell() {
        let (tokens, certificates, secrets) = list.current.counts
        logger.info(
            "Access by \(path): \(tokens) tokens, \(certificates) certificates, \(secrets) secrets")
        var file = stat()
        if stat(path, &file) == 0, file.st_mode & S_IWOTH != 0 {
            logger.warning("Anyone on this machine can change \(path): run chmod o-w on it")
        }
    }

    private static func read(_ path: String) throws(AccessError) -> AccessList {
        do throws(AccessError) {
            // One byte more than allowed, to detect a longer file.
            guard let bytes = readFile(path, limit: AccessList.mostBytes + 1) else {
                throw AccessError(description: SystemError.text(of: errno))
            }
            return try AccessList(bytes)
        } catch {
            throw AccessError(
                description: "the access file \(path) cannot be used: \(error.description)")
        }
    }

    // MARK: Requests

    /// Lets in a request whose route needs scopes, by its `head` in `bytes`.
    ///
    /// If there is a token, it alone decides; otherwise the certificate does.
    package func admit(
        _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, for requirement: Requirement,
        over session: TLSSession?
    ) throws(Refusal) -> any Admission {
        let scope = requirement.scopes
        let list = list.current
        let token: [UInt8]?
        do throws(HTTPError) {
            token = try head.token(in: bytes)
        } catch {
            throw Refusal(error: error)
        }
        if token == nil, let signed = try signed(head, bytes, for: scope, list) { return signed }
        let entry: AccessList.Entry?
        if let token {
            entry = token.withUnsafeBytes(list.entry(ofToken:))
        } else if !list.certificates.isEmpty, let session {
            entry = list.entry(ofCertificate: session.clientNames, for: scope)
        } else {
            entry = nil
        }
        guard let entry else { throw token == nil ? noToken(for: scope, list) : unknownToken }
        guard entry.scopes.contains(scope) else { throw insufficient(entry, for: scope) }
        return Grant(entry: entry, list: list)
    }

    /// The admission of a request with a signature, if its format has a secret.
    private func signed(
        _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, for scope: Scopes,
        _ list: AccessList
    ) throws(Refusal) -> Signed? {
        guard let format = scope.format, let field = format.signatureHeader else { return nil }
        let signers = list.signers(for: scope)
        guard !signers.isEmpty, let value = head.value(of: field, in: bytes) else { return nil }
        let scheme = "sha256="
        guard value.starts(with: scheme.utf8),
            let code = ASCII.bytes(hex: value.dropFirst(scheme.utf8.count)),
            code.count == SHA256Digest.byteCount
        else { throw wrongSignature(signers) }
        guard let length = head.length, length <= Self.signedBytes else {
            throw Refusal(
                error: HTTPError(
                    .contentTooLarge,
                    "A signed body has at most \(Self.signedBytes) bytes, and a Content-Length."))
        }
        return Signed(signers: signers, code: code)
    }

    /// Checks the signature of `body`, if `admission` depends on it.
    package func check(
        _ admission: any Admission, body: UnsafeRawBufferPointer
    ) throws(Refusal) {
        guard let signed = admission as? Signed else { return }
        let signer = AccessList.signer(among: signed.signers, of: body, code: signed.code)
        guard signer != nil else { throw wrongSignature(signed.signers) }
    }

    private func wrongSignature(_ signers: [AccessList.Entry]) -> Refusal {
        let names = signers.map { "'\($0.name)'" }.joined(separator: " or ")
        let error = HTTPError(
            .forbidden,
            "The signature does not fit the body and the secret of \(names): compare the secrets.")
        return Refusal(error: error, reason: Reason.invalidSignature.rawValue)
    }

    /// Checks `admission` again after the file may have changed; nil if it has ended.
    package func renew(
        _ admission: any Admission, for requirement: Requirement
    ) -> (any Admission)? {
        let list = list.current
        if let signed = admission as? Signed {
            let isStillKnown = signed.signers.allSatisfy { list.holds($0, for: requirement.scopes) }
            return isStillKnown ? signed : nil
        }
        let grant = grant(admission)
        if list === grant.list { return admission }
        guard list.holds(grant.entry, for: requirement.scopes) else { return nil }
        return Grant(entry: grant.entry, list: list)
    }

    /// True if the admitted client has the scopes of `requirement`.
    package func allows(_ admission: any Admission, _ requirement: Requirement) -> Bool {
        let entry = (admission as? Signed)?.signers[0] ?? grant(admission).entry
        return entry.scopes.contains(requirement.scopes)
    }

    private func grant(_ admission: any Admission) -> Grant {
        guard let grant = admission as? Grant else {
            preconditionFailure("an admission of another gatekeeper")
        }
        return grant
    }

    /// The same answer as for an unknown token, because the token was removed from the file.
    package var expiry: HTTPError { unknownToken.error }

    private func noToken(for scope: Scopes, _ list: AccessList) -> Refusal {
        var sentence =
            "This needs the scope \(scope): send a token that has it, as 'Authorization: Bearer TOKEN'"
        if let field = scope.format?.signatureHeader, !list.signers(for: scope).isEmpty {
            sentence += ", or sign the body in the header \(field)"
        }
        let error = HTTPError(.unauthorized, sentence + ".")
        return refusal(error, .noToken)
    }

    private var unknownToken: Refusal {
        let error = HTTPError(
            .unauthorized,
            "The token is unknown: it was removed, or copied incompletely.")
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
        return Refusal(error: error, reason: reason.rawValue, name: name)
    }

    /// Counts and logs `refusal` of a request from `peer` to the route `path`; `now` is in
    /// nanoseconds.
    package func note(
        _ refusal: Refusal, _ method: HTTPMethod?, path: String, from peer: PeerAddress,
        now: UInt64
    ) {
        guard let reason = refusal.reason.flatMap(Reason.init) else { return }
        counts[reason]?.value.wrappingAdd(1, ordering: .relaxed)
        log.note(now: now) {
            var metadata: Logger.Metadata = [
                "client": "\(peer)", "method": "\(method?.rawValue ?? "other")",
                "route": "\(path)", "reason": "\(reason.rawValue)",
            ]
            if let name = refusal.name { metadata["name"] = "\(name)" }
            return ("Access refused", metadata)
        }
    }
}
