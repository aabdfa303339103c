import CPostgreSQL
import Glibc
import Synchronization
import System

/// Where and how to connect, from a `postgresql://` URL
/// (https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING).
public struct PostgreSQLAddress: Sendable, CustomStringConvertible {
    /// The URL without its secrets, for logs.
    public let description: String
    /// True with `?pooled=true`, this program's own parameter: behind a pooler that lends another
    /// of the server's sessions to each transaction, no statement is prepared by name.
    public let isPooled: Bool
    /// The parameters of the URL, as libpq names them.
    private let options: [String: String]
    private let passwordFile: String?
    private let naming = Naming()

    /// Shared by the connections made with one address.
    final class Naming: Sendable {
        /// True once a statement was lost, because a pooler is in between.
        let isUnsafe = Atomic(false)
    }

    /// Reads a URL, loading libpq if it is not loaded yet.
    ///
    /// - Parameters:
    ///   - allowsPassword: false if others can see the URL, such as that of a command's flag.
    ///   - passwordFile: a file with the password alone; a last newline is not part of it. It is
    ///     read again for every connection.
    /// - Throws: if libpq cannot be loaded, the URL is not one, has an unknown parameter or a
    ///   password that is not allowed, or the password's file cannot be read.
    public init(
        url: String, allowsPassword: Bool, passwordFile: String? = nil
    ) throws(PostgreSQLError) {
        guard url.hasPrefix("postgresql://") || url.hasPrefix("postgres://") else {
            throw PostgreSQLError(message: "the address is not a postgresql:// URL")
        }
        let (url, pooled) = Self.withoutPooled(url)
        guard ["true", "false", nil].contains(pooled) else {
            throw PostgreSQLError(message: "the URL's parameter pooled is neither true nor false")
        }
        let options = try Self.parse(url)
        if !allowsPassword, let secret = Self.secrets.first(where: { options[$0] != nil }) {
            throw PostgreSQLError(
                message: "the URL contains a \(secret), which others can see in the list of "
                    + "processes; use --store-password-file, the variable PGPASSFILE, or the URL's "
                    + "?passfile=")
        }
        isPooled = pooled == "true"
        self.options = options
        self.passwordFile = passwordFile
        description = Self.render(options, isPooled: isPooled)
        _ = try readPassword()
    }

    // MARK: Parsing

    private static let secrets = ["password", "sslpassword"]

    /// Separates `pooled` from the parameters that libpq knows.
    private static func withoutPooled(_ url: String) -> (url: String, pooled: String?) {
        guard let mark = url.lastIndex(of: "?") else { return (url, nil) }
        var pooled: String?
        let parameters = url[url.index(after: mark)...]
            .split(separator: "&", omittingEmptySubsequences: false)
            .filter { parameter in
                guard parameter.hasPrefix("pooled=") else { return true }
                pooled = String(parameter.dropFirst("pooled=".count))
                return false
            }
            .joined(separator: "&")
        return (url[..<mark] + (parameters.isEmpty ? "" : "?" + parameters), pooled)
    }

    /// The parameters of a URL by libpq's own rules.
    private static func parse(_ url: String) throws(PostgreSQLError) -> [String: String] {
        let functions = try loadLibrary()
        var failure: UnsafeMutablePointer<CChar>?
        guard let parsed = functions.pointee.PQconninfoParse(url, &failure) else {
            defer { functions.pointee.PQfreemem(failure) }
            let text = line(failure)
            // libpq's other texts quote pieces of the URL, which can be pieces of a password.
            throw text.hasPrefix("invalid URI query parameter")
                ? PostgreSQLError(message: text) : malformed
        }
        defer { functions.pointee.PQconninfoFree(parsed) }
        var options: [String: String] = [:]
        var option = parsed
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.value {
                options[String(cString: keyword)] = String(cString: value)
            }
            option += 1
        }
        // A password with an unescaped `/` or `@` ends up in these, and so in libpq's error texts.
        let ports = options["port"] ?? ""
        let hosts = list(options["host"])
        guard ports.utf8.allSatisfy({ $0 == UInt8(ascii: ",") || isDigit($0) }),
            hosts.allSatisfy({ !$0.dropFirst().contains("@") })
        else { throw malformed }
        return options
    }

    private static let malformed = PostgreSQLError(
        message: "the URL is not of the form postgresql://user@host:port/database?parameter=value; "
            + "special characters in its parts must be percent-encoded")

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func list(_ text: String?) -> [Substring] {
        text?.split(separator: ",", omittingEmptySubsequences: false) ?? []
    }

    // MARK: Rendering

    private static func render(_ options: [String: String], isPooled: Bool) -> String {
        var rest = options.filter { !secrets.contains($0.key) }
        var authority = ""
        if let user = rest.removeValue(forKey: "user") { authority = escaped(user) + "@" }
        let hosts = list(options["host"])
        let ports = list(options["port"])
        // Folders of sockets stay parameters, as do ports that do not belong to one host each.
        if !hosts.contains(where: { isFolder($0) }), ports.isEmpty || ports.count == hosts.count {
            rest["host"] = nil
            rest["port"] = nil
            let named = hosts.enumerated().map { index, host in
                let name = host.contains(":") ? "[\(host)]" : escaped(String(host))
                return ports.isEmpty || ports[index].isEmpty ? name : "\(name):\(ports[index])"
            }
            authority += named.joined(separator: ",")
        }
        let database = rest.removeValue(forKey: "dbname").map { "/" + escaped($0) } ?? "/"
        var parameters = rest.sorted { $0.key < $1.key }.map { "\($0.key)=\(escaped($0.value))" }
        if isPooled { parameters.append("pooled=true") }
        return "postgresql://" + authority + database
            + (parameters.isEmpty ? "" : "?" + parameters.joined(separator: "&"))
    }

    /// Percent-encodes all but letters, digits and what needs no encoding anywhere in a URL.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "/"), UInt8(ascii: ","):
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                escaped += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return escaped
    }

    // MARK: Connecting

    /// True if statements may be prepared by name.
    var namesStatements: Bool { !isPooled && !naming.isUnsafe.load(ordering: .relaxed) }

    /// Has this connection and those made afterward prepare no statements by name.
    func stopNaming() { naming.isUnsafe.store(true, ordering: .relaxed) }

    /// The nanoseconds that connecting to one of several hosts may take; nil is as long as it takes.
    var attemptTimeout: UInt64? {
        let seconds = min(Int(options["connect_timeout"] ?? "2") ?? 2, 3600)
        return seconds > 0 ? UInt64(seconds) * 1_000_000_000 : nil
    }

    /// The parameters for libpq, those of the URL over this program's defaults, for each of its
    /// hosts. libpq would not go on to the next host after one that is silent.
    func parameters() throws(PostgreSQLError) -> [[String: String]] {
        var parameters = [
            "application_name": "logbook",
            "target_session_attrs": "read-write",
            "tcp_user_timeout": "3000",
            "keepalives_idle": "10",
            "keepalives_interval": "5",
            "keepalives_count": "3",
            "sslmode": isLocal ? "prefer" : "verify-full",
            // Encryption by Kerberos would satisfy `verify-full` without any certificate.
            "gssencmode": "disable",
        ].merging(options) { $1 }
        // Texts are UTF-8 in every message.
        parameters["client_encoding"] = "UTF8"
        if let password = try readPassword() { parameters["password"] = password }
        let lists = ["host", "hostaddr", "port"].map { ($0, Self.list(options[$0])) }
        let count = lists.map(\.1.count).max() ?? 0
        // A single port is that of all hosts; about other numbers libpq complains.
        guard lists.allSatisfy({ $1.isEmpty || $1.count == count || $0 == "port" && $1.count == 1 })
        else { return [parameters] }
        return (0..<max(1, count)).map { index in
            var parameters = parameters
            for (keyword, list) in lists where list.count == count && count > 1 {
                parameters[keyword] = String(list[index])
            }
            return parameters
        }
    }

    /// True if no packet to any host leaves this machine. The environment could name other hosts.
    private var isLocal: Bool {
        let numeric = Self.list(options["hostaddr"])
        let hosts = numeric.isEmpty ? Self.list(options["host"]) : numeric
        return !hosts.isEmpty
            && hosts.allSatisfy { Self.isFolder($0) || isLoopback(host: String($0)) }
    }

    /// True if `host` is a folder of sockets or an abstract socket.
    private static func isFolder(_ host: Substring) -> Bool {
        host.hasPrefix("/") || host.hasPrefix("@")
    }

    /// Bytes of a password's file.
    private static let longestPassword = 4096

    private func readPassword() throws(PostgreSQLError) -> String? {
        guard let passwordFile else { return nil }
        guard var bytes = readFile(passwordFile, limit: Self.longestPassword + 1) else {
            throw PostgreSQLError(
                message: SystemError("read the password's file \(passwordFile)").description)
        }
        while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") {
            bytes.removeLast()
        }
        guard !bytes.isEmpty, bytes.count <= Self.longestPassword, !bytes.contains(0) else {
            throw PostgreSQLError(message: "\(passwordFile) does not contain a password")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
