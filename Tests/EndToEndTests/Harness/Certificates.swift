import Foundation
import TestSupport

/// Keys and certificates in a folder, made by the real `openssl`.
struct Certificates {
    let folder: TemporaryFolder

    /// Makes an authority, and a certificate of its for localhost.
    init(in folder: TemporaryFolder) throws {
        self.folder = folder
        try makeAuthority("ca")
        try make("server", signedBy: "ca")
    }

    func certificate(_ name: String) -> String { folder.file("\(name).pem") }
    func key(_ name: String) -> String { folder.file("\(name).key") }

    /// Flags for a server with the certificate `server`, beside its plain port.
    var flags: [String] {
        [
            "--listen", "https://127.0.0.1:0", "--tls-certificate", certificate("server"),
            "--tls-key", key("server"),
        ]
    }

    func makeAuthority(_ name: String) throws {
        try openssl(
            ["req", "-x509", "-days", "2", "-subj", "/CN=\(name)"] + Self.newKey + [
                "-keyout", key(name), "-out", certificate(name),
            ])
    }

    /// - Parameters:
    ///   - subject: the common name; `name` unless it is given.
    ///   - names: alternative names.
    func make(
        _ name: String, signedBy authority: String, subject: String? = nil,
        names: String = "DNS:localhost,IP:127.0.0.1"
    ) throws {
        try openssl(
            ["req", "-x509", "-days", "2", "-subj", "/CN=\(subject ?? name)"] + Self.newKey + [
                "-keyout", key(name), "-out", certificate(name),
                "-CA", certificate(authority), "-CAkey", key(authority),
                "-addext", "subjectAltName=\(names)",
                "-addext", "basicConstraints=critical,CA:FALSE",
            ])
    }

    /// One that expired yesterday.
    func makeExpired(_ name: String, signedBy authority: String) throws {
        let request = folder.file("\(name).csr")
        try openssl(
            ["req", "-new", "-subj", "/CN=\(name)"] + Self.newKey
                + ["-keyout", key(name), "-out", request])
        try openssl([
            "x509", "-req", "-in", request, "-days", "-1", "-out", certificate(name),
            "-CA", certificate(authority), "-CAkey", key(authority),
        ])
    }

    /// What `key(name)` holds, behind a passphrase, as `key(encrypted)`.
    func encryptKey(_ name: String, as encrypted: String) throws {
        try openssl([
            "pkcs8", "-topk8", "-passout", "pass:secret", "-in", key(name), "-out", key(encrypted),
        ])
    }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    private func openssl(_ arguments: [String]) throws {
        let command = try Command("openssl", arguments)
        guard command.status == 0 else { throw HarnessError("openssl: \(command.errors)") }
    }
}
