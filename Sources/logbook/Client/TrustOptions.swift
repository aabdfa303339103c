import ArgumentParser
import Glibc
import HTTPClient
import System
import TLS

/// The client's identity and the authorities that it trusts.
struct TrustOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The authority that signed the server's certificate, PEM. (default: the system's authorities)",
            valueName: "path"), completion: .file())
    var ca: String?

    @Option(
        help: ArgumentHelp(
            "This client's certificate, PEM, for servers that ask for one. (default: none)",
            valueName: "path"), completion: .file())
    var certificate: String?

    @Option(
        help: ArgumentHelp(
            "The certificate's private key, PEM. (default: none)", valueName: "path"),
        completion: .file())
    var key: String?

    @Option(
        help: ArgumentHelp(
            "A file that holds a bearer token. (default: the value of LOGBOOK_TOKEN, or none)",
            valueName: "path"), completion: .file())
    var tokenFile: String?

    static let valueFlags = ["ca", "certificate", "key", "token-file"]

    func validate() throws {
        guard (certificate == nil) == (key == nil) else {
            throw ValidationError("--certificate and --key go together")
        }
    }

    /// Creates a client of the server at `text`.
    func client(of text: String, timeoutSeconds: Int) throws -> LogbookClient {
        guard let address = ServerAddress(text) else {
            throw ValidationError("--server must be \(ServerAddress.forms), not '\(text)'")
        }
        return LogbookClient(
            address, context: address.isSecure ? try context() : nil, token: try token(),
            timeoutSeconds: timeoutSeconds)
    }

    private func context() throws(ClientError) -> TLSContext {
        do throws(TLSError) {
            return try TLSContext(authorities: ca, certificate: certificate, key: key)
        } catch {
            throw .unusable("\(error)")
        }
    }

    private func token() throws -> String? {
        let text: String
        if let tokenFile {
            guard let bytes = readFile(tokenFile, limit: Self.tokenBytes) else {
                throw ClientError.unusable(
                    "cannot read the token file \(tokenFile): \(SystemError.text(of: errno))")
            }
            text = String(decoding: bytes, as: UTF8.self)
        } else if let value = getenv("LOGBOOK_TOKEN") {
            text = String(cString: value)
        } else {
            return nil
        }
        let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
        let token = text.utf8.drop { blanks.contains($0) }.prefix { !blanks.contains($0) }
        // The token goes into a header field. Its text is never shown.
        guard !token.isEmpty, token.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw ValidationError(
                "\(tokenFile ?? "LOGBOOK_TOKEN") holds no token, which is one word of visible ASCII characters"
            )
        }
        return String(Substring(token))
    }

    private static let tokenBytes = 4096
}
