import Foundation
import TestSupport

/// Keys and certificates in a folder, made by the real `openssl`.
struct Certificates {
    let folder: TemporaryFolder

    /// Creates an authority and its certificate for localhost.
    init(in folder: TemporaryFolder) throws {
        self.folder = folder
        try makeAuthority("ca")
        try make("server", signedBy: "ca")
    }

    func certificate(_ name: String) -> String { folder.file("\(name).pem") }
    func key(_ name: String) -> String { folder.file("\(name).key") }

    /// Flags for a server with the certificate `server`, besides its plain port.
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

    /// Creates a key and a certificate.
    ///
    /// - Parameters:
    ///   - subject: the common name; `name` by default.
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

    /// Creates one that expired yesterday.
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

    /// Encrypts the key `name` with a passphrase, as `encrypted`.
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
