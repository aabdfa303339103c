import COpenSSL
import Glibc
import HTTPServer
import Ingest
import System

/// The lines of an access file. Immutable; a reload makes another one.
///
/// A line is `NAME SCOPE[,SCOPE] sha256:HEX` for a token, known only by its hash, or `NAME
/// SCOPE[,SCOPE] certificate:WHO` for a client certificate, or `NAME write:FORMAT hmac:FILE` for a
/// sender that signs its bodies with the secret in FILE. Empty lines and lines that begin with `#`
/// are ignored.
public final class AccessList: Sendable {
    /// One line. An object, so that a request that it admits holds a single reference.
    final class Entry: Sendable {
        let name: String
        let scopes: Scopes
        let credential: Credential

        init(_ name: String, _ scopes: Scopes, _ credential: Credential) {
            self.name = name
            self.scopes = scopes
            self.credential = credential
        }
    }

    enum Credential: Hashable, Sendable {
        /// The SHA-256 of a token.
        case token([UInt8])
        /// A common name, DNS name or URI, byte for byte.
        case certificate([UInt8])
        /// The secret of a sender that signs.
        case secret([UInt8])
    }

    private let tokens: [Entry]
    /// The hashes of `tokens`, concatenated.
    private let hashes: [UInt8]
    let certificates: [Entry]
    private let secrets: [Entry]
    /// The files with secrets, as they were before they were read.
    let secretFiles: [String: FileIdentity]

    /// The most entries. Each request with a token is compared with all of them.
    static let mostEntries = 1000
    /// The largest file, in bytes.
    public static let mostBytes = 1024 * 1024
    private static let mostNameBytes = 64
    private static let mostCertificateBytes = 256
    private static let hashBytes = SHA256Digest.byteCount
    private static let tokenScheme = "sha256:"
    private static let certificateScheme = "certificate:"
    private static let secretScheme = "hmac:"
    /// A shorter secret can be found by trial, and a longer one is another file by mistake.
    private static let secretBytes = 16...4096

    /// Parses the bytes of a file.
    ///
    /// - Throws: on the first invalid line, with its number.
    public init(_ bytes: [UInt8]) throws(AccessError) {
        guard bytes.count <= Self.mostBytes else {
            throw AccessError(description: "it is longer than \(Self.mostBytes) bytes")
        }
        var entries: [Entry] = []
        var lines: [Credential: Int] = [:]
        var secretFiles: [String: FileIdentity] = [:]
        for (offset, line) in bytes.split(
            separator: ASCII.lineFeed, omittingEmptySubsequences: false
        ).enumerated() {
            let fields = line.split(maxSplits: 2, whereSeparator: Self.isBlank)
            guard let first = fields.first, first.first != UInt8(ascii: "#") else { continue }
            guard fields.count == 3, let entry = try Self.entry(fields, &secretFiles, offset + 1)
            else {
                throw AccessError(
                    description:
                        "line \(offset + 1) is not NAME SCOPES and sha256:HASH, certificate:WHO or hmac:FILE"
                )
            }
            guard lines.updateValue(offset, forKey: entry.credential) == nil else {
                throw AccessError(
                    description:
                        "line \(offset + 1) repeats the token, certificate or secret of an earlier line"
                )
            }
            entries.append(entry)
        }
        guard entries.count <= Self.mostEntries else {
            throw AccessError(
                description: "it has more than \(Self.mostEntries) lines")
        }
        var tokens: [Entry] = []
        var hashes: [UInt8] = []
        for entry in entries {
            guard case .token(let hash) = entry.credential else { continue }
            tokens.append(entry)
            hashes += hash
        }
        self.tokens = tokens
        self.hashes = hashes
        certificates = entries.filter {
            if case .certificate = $0.credential { true } else { false }
        }
        secrets = entries.filter { if case .secret = $0.credential { true } else { false } }
        self.secretFiles = secretFiles
    }

    /// True for blanks and for CR, because a line may end in CR LF.
    private static func isBlank(_ byte: UInt8) -> Bool {
        ASCII.isBlank(byte) || byte == ASCII.carriageReturn
    }

    private static func entry(
        _ fields: [ArraySlice<UInt8>], _ files: inout [String: FileIdentity], _ line: Int
    ) throws(AccessError) -> Entry? {
        let name = fields[0]
        guard isName(name), let scopes = Scopes(String(decoding: fields[1], as: UTF8.self)) else {
            return nil
        }
        let credential =
            try secret(fields[2], scopes, &files, line) ?? credential(trimmed(fields[2]))
        guard let credential else { return nil }
        return Entry(String(decoding: name, as: UTF8.self), scopes, credential)
    }

    private static func trimmed(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = field.drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return rest
    }

    /// The secret in the file that `field` names; nil if it names none.
    private static func secret(
        _ field: ArraySlice<UInt8>, _ scopes: Scopes, _ files: inout [String: FileIdentity],
        _ line: Int
    ) throws(AccessError) -> Credential? {
        let field = trimmed(field)
        guard field.starts(with: secretScheme.utf8) else { return nil }
        guard let format = scopes.format, format.signatureHeader != nil else {
            let signing = SenderFormats.all.filter { $0.signatureHeader != nil }
                .map { "write:\($0.name)" }.joined(separator: " or ")
            throw AccessError(
                description: "line \(line) has a secret, whose only scope can be \(signing)")
        }
        let path = String(decoding: field.dropFirst(secretScheme.utf8.count), as: UTF8.self)
        files[path] = FileIdentity(path)
        // Two bytes more than allowed: a line ending.
        guard var secret = readFile(path, limit: secretBytes.upperBound + 2) else {
            throw AccessError(
                description:
                    "the secret file of line \(line) cannot be read: \(SystemError.text(of: errno))"
            )
        }
        if secret.last == ASCII.lineFeed { secret.removeLast() }
        if secret.last == ASCII.carriageReturn { secret.removeLast() }
        guard secretBytes.contains(secret.count) else {
            throw AccessError(
                description:
                    "the secret file of line \(line) must have \(secretBytes.lowerBound) to \(secretBytes.upperBound) bytes"
            )
        }
        return .secret(secret)
    }

    /// True if these bytes may name a token. Names appear in the log.
    static func isName(_ bytes: some Collection<UInt8>) -> Bool {
        (1...mostNameBytes).contains(bytes.count)
            && bytes.allSatisfy {
                ASCII.isDigit($0) || UInt8(ascii: "a")...UInt8(ascii: "z") ~= ASCII.lowercase($0)
                    || "._-".utf8.contains($0)
            }
    }

    private static func credential(_ rest: ArraySlice<UInt8>) -> Credential? {
        if rest.starts(with: tokenScheme.utf8) {
            let hash = ASCII.bytes(hex: rest.dropFirst(tokenScheme.utf8.count))
            return hash.flatMap { $0.count == hashBytes ? .token($0) : nil }
        }
        guard rest.starts(with: certificateScheme.utf8) else { return nil }
        let who = rest.dropFirst(certificateScheme.utf8.count)
        guard (1...mostCertificateBytes).contains(who.count),
            who.allSatisfy({ $0 >= ASCII.space && $0 != 0x7F })
        else { return nil }
        return .certificate(Array(who))
    }

    /// The number of lines of each kind.
    var counts: (tokens: Int, certificates: Int, secrets: Int) {
        (tokens.count, certificates.count, secrets.count)
    }

    /// The entry of `token`. The time that this takes reveals neither which entry it is nor if
    /// there is one.
    func entry(ofToken token: UnsafeRawBufferPointer) -> Entry? {
        let hash = SHA256Digest.of(token)
        var found: Int?
        hashes.withUnsafeBytes { hashes in
            for index in tokens.indices {
                let known = hashes.slice(index * Self.hashBytes..<(index + 1) * Self.hashBytes)
                if CRYPTO_memcmp(known.baseAddress, hash, Self.hashBytes) == 0 { found = index }
            }
        }
        return found.map { tokens[$0] }
    }

    /// The entry of a certificate with these names; if there are several, one that has `scope`, if
    /// any.
    func entry(ofCertificate names: [[UInt8]], for scope: Scopes) -> Entry? {
        let entries = certificates.filter { entry in
            names.contains { entry.credential == .certificate($0) }
        }
        return entries.first { $0.scopes.contains(scope) } ?? entries.first
    }

    /// The entries of senders that sign bodies of the format that `scope` is for.
    func signers(for scope: Scopes) -> [Entry] { secrets.filter { $0.scopes.contains(scope) } }

    /// The first of `entries` whose secret made `code` of `body`.
    static func signer(
        among entries: [Entry], of body: UnsafeRawBufferPointer, code: [UInt8]
    ) -> Entry? {
        entries.first { entry in
            guard case .secret(let key) = entry.credential else { return false }
            return HMACSHA256.isValid(code, of: body, key: key)
        }
    }

    /// True if an entry equal to `entry` is still here and still has `scope`.
    func holds(_ entry: Entry, for scope: Scopes) -> Bool {
        let entries: [Entry]
        switch entry.credential {
        case .token: entries = tokens
        case .certificate: entries = certificates
        case .secret: entries = secrets
        }
        return entries.contains {
            $0.credential == entry.credential && $0.scopes.contains(scope)
        }
    }

    /// The line of an access file for a new token; nil if `name` is not a valid name.
    public static func line(name: String, scopes: Scopes, token: String) -> String? {
        guard isName(name.utf8) else { return nil }
        let hash = Array(token.utf8).withUnsafeBytes(SHA256Digest.of).map(\.hexadecimal)
        return "\(name) \(scopes) \(tokenScheme)\(hash.joined())"
    }
}

/// An unusable access file. The text quotes nothing from the file, because it may hold a secret.
public struct AccessError: Error, CustomStringConvertible, Sendable {
    /// The file, the error, and the correction.
    public let description: String
}
