import Glibc
public import HTTPClient
import System
import TLS

/// An API server and the client's credentials. Their files are read again for each connection: a
/// pod's token lasts an hour, and authorities change, too.
public struct APIServer: Sendable {
    /// Its address.
    public let address: ServerAddress
    private let authorities: String?
    private let tokenFile: String?
    private let certificate: String?
    private let key: String?

    /// More than any token that fits into a request.
    private static let tokenBytes = 32 * 1024
    /// The API server's own limit on requests other than watches.
    private static let timeout = Duration.seconds(60)

    /// A server with explicit credentials.
    ///
    /// - Parameters:
    ///   - authorities: the PEM file of the trusted authorities; nil for those of the system.
    ///   - tokenFile: the file with the token to send; nil for none.
    ///   - certificate: the client's own certificate, PEM, with its `key`; nil for none.
    public init(
        _ address: ServerAddress, authorities: String? = nil, tokenFile: String? = nil,
        certificate: String? = nil, key: String? = nil
    ) {
        self.address = address
        self.authorities = authorities
        self.tokenFile = tokenFile
        self.certificate = certificate
        self.key = key
    }

    /// The server of the cluster whose pod runs this process; nil outside a pod.
    ///
    /// - Parameters:
    ///   - variable: looks up an environment variable.
    ///   - folder: the folder with the pod's service account.
    public init?(
        ofPod variable: (String) -> String?,
        folder: String = "/var/run/secrets/kubernetes.io/serviceaccount"
    ) {
        guard let host = variable("KUBERNETES_SERVICE_HOST"), !host.isEmpty,
            let port = variable("KUBERNETES_SERVICE_PORT"),
            let address = ServerAddress(
                "https://\(host.contains(":") ? "[\(host)]" : host):\(port)")
        else { return nil }
        self.init(address, authorities: "\(folder)/ca.crt", tokenFile: "\(folder)/token")
    }

    /// Makes a client for one connection.
    func client(
        userAgent: String, cancellation: Cancellation
    ) throws(HTTPClientError) -> HTTPClient {
        HTTPClient(
            address, userAgent: userAgent, context: try context(), token: token,
            timeout: Self.timeout, cancellation: cancellation)
    }

    private func context() throws(HTTPClientError) -> TLSContext? {
        guard address.isSecure else { return nil }
        do throws(TLSError) {
            return try TLSContext(authorities: authorities, certificate: certificate, key: key)
        } catch {
            throw HTTPClientError(.unusable, error.description)
        }
    }

    private func token() throws(HTTPClientError) -> String? {
        guard let tokenFile else { return nil }
        guard let bytes = readFile(tokenFile, limit: Self.tokenBytes) else {
            throw HTTPClientError(.unusable, SystemError("read the token \(tokenFile)").description)
        }
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        let token = bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        return String(decoding: token, as: UTF8.self)
    }
}
