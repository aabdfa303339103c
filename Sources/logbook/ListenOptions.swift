import ArgumentParser
import Dispatch
import Glibc
import HTTPServer
import LogbookAPI
import Logging
import TLS

/// The addresses that `serve` listens on, and its certificate.
struct ListenOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Address to listen on: HOST:PORT, https://HOST:PORT for TLS, or unix:PATH for a socket in "
                + "the file system; repeat it, or separate several with commas. Port 0 takes a free "
                + "one. (default: 127.0.0.1:8080)",
            valueName: "address"))
    var listen: [String] = []

    @Option(
        help: ArgumentHelp(
            "Address that serves only the probes and /metrics, in plain HTTP, as HOST:PORT or unix:PATH. "
                + "(default: none)",
            valueName: "address"))
    var probeListen: [String] = []

    @Option(
        help: ArgumentHelp(
            "Without --access-file, a name besides localhost and IP addresses that plain HTTP clients may use for the service (Host); .NAME includes the names below it; repeat it, or separate several with commas. (default: none)",
            valueName: "name"))
    var allowedHost: [String] = []

    @Option(
        help: ArgumentHelp(
            "The certificate, PEM, followed by intermediate ones; read again on SIGHUP and when it "
                + "changes. (default: none)", valueName: "path"))
    var tlsCertificate: String?

    @Option(
        help: ArgumentHelp("The certificate's private key, PEM. (default: none)", valueName: "path")
    )
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "Authorities that sign clients' certificates, PEM; without it none are requested. "
                + "(default: none)", valueName: "path"))
    var tlsClientCA: String?

    @Option(
        help: "A client's certificate: required or optional.",
        completion: .list(["required", "optional"]))
    var tlsClientAuth = "required"

    @Option(
        help:
            "Seconds between two checks for a changed certificate or access file. (default: 10.0)",
        transform: Units.seconds)
    var reloadInterval = 10.0

    /// All flags above, for the environment.
    static let valueFlags = [
        "listen", "probe-listen", "allowed-host", "tls-certificate", "tls-key", "tls-client-ca",
        "tls-client-auth",
        "reload-interval",
    ]

    private static let defaultAddress = "127.0.0.1:8080"
    private static let secureScheme = "https://"

    private var listenTexts: [String] {
        listen.isEmpty ? [Self.defaultAddress] : Self.split(listen)
    }

    private static func split(_ values: [String]) -> [String] {
        values.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }.map(
            String.init)
    }

    private var isSecure: Bool { listenTexts.contains { $0.hasPrefix(Self.secureScheme) } }

    func validate() throws {
        for text in listenTexts { _ = try Self.address(text, flag: "listen") }
        for text in Self.split(probeListen) { _ = try Self.address(text, flag: "probe-listen") }
        guard hosts != nil else {
            throw ValidationError(
                "--allowed-host must be a name such as logbook.example.com, or .example.com to include the names below it, not '\(allowedHost.joined(separator: ","))'"
            )
        }
        guard clientAuthentication != nil else {
            throw ValidationError(
                "--tls-client-auth must be required or optional, not '\(tlsClientAuth)'")
        }
        guard (0.01...86_400).contains(reloadInterval) else {
            throw ValidationError("--reload-interval must be from 0.01 to 86400")
        }
        if isSecure, tlsCertificate == nil || tlsKey == nil {
            throw ValidationError("an https:// address needs --tls-certificate and --tls-key")
        }
        let files = [
            ("tls-certificate", tlsCertificate), ("tls-key", tlsKey),
            ("tls-client-ca", tlsClientCA),
        ]
        if !isSecure, let flag = files.first(where: { $0.1 != nil })?.0 {
            throw ValidationError("--\(flag) needs an address --listen https://HOST:PORT")
        }
    }

    private static func address(_ text: String, flag: String) throws -> ListenAddress {
        let isSecure = flag == "listen" && text.hasPrefix(secureScheme)
        let rest = isSecure ? String(text.dropFirst(secureScheme.count)) : text
        guard let address = ListenAddress(rest), !isSecure || address.port != nil else {
            throw ValidationError(
                "--\(flag) must be HOST:PORT such as 127.0.0.1:8080, or unix:PATH, not '\(text)'")
        }
        return address
    }

    /// The addresses of `--listen` whose clients need no certificate.
    var unguarded: [ListenAddress] {
        get throws {
            let isRequired = tlsClientCA != nil && clientAuthentication == .required
            return try listenTexts.filter { !isRequired || !$0.hasPrefix(Self.secureScheme) }.map {
                try Self.address($0, flag: "listen")
            }
        }
    }

    /// The URL at which this machine reaches the first address without TLS, probes' before others;
    /// nil if there is none.
    var plainURL: String? {
        get throws {
            let texts =
                Self.split(probeListen) + listenTexts.filter { !$0.hasPrefix(Self.secureScheme) }
            guard let text = texts.first else { return nil }
            switch try Self.address(text, flag: "probe-listen") {
            case .unix: return text
            case .tcp("0.0.0.0", let port): return "http://127.0.0.1:\(port)"
            case .tcp("::", let port): return "http://[::1]:\(port)"
            case let address: return "http://\(address)"
            }
        }
    }

    private var clientAuthentication: TLSConfiguration.ClientAuthentication? {
        TLSConfiguration.ClientAuthentication(rawValue: tlsClientAuth)
    }

    /// The names that clients may use for the service; nil if --allowed-host is invalid.
    var hosts: HostNames? { HostNames(Self.split(allowedHost)) }

    /// Reads the certificate's files; nil if no address is served with TLS.
    func credentials(_ logger: Logger) throws(TLSError) -> TLSCredentials? {
        guard isSecure, let tlsCertificate, let tlsKey else { return nil }
        var configuration = TLSConfiguration(certificatePath: tlsCertificate, keyPath: tlsKey)
        configuration.clientAuthorityPath = tlsClientCA
        configuration.clientAuthentication = clientAuthentication ?? .required
        return try TLSCredentials(configuration, logger: logger)
    }

    /// All addresses and what is served there.
    func endpoints(_ credentials: TLSCredentials?, probes: [String]) throws -> [Endpoint] {
        let main = try listenTexts.map { text in
            Endpoint(
                try Self.address(text, flag: "listen"),
                credentials: text.hasPrefix(Self.secureScheme) ? credentials : nil)
        }
        return main
            + (try Self.split(probeListen).map { text in
                Endpoint(try Self.address(text, flag: "probe-listen"), paths: probes)
            })
    }
}
