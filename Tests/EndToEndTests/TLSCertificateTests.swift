import Foundation
import TestSupport
import Testing

/// Certificates of the server and its clients: which ones are accepted, and how they are replaced.
@Suite("TLS certificates")
struct TLSCertificateTests {
    private let folder: TemporaryFolder
    private let certificates: Certificates

    init() throws {
        folder = try TemporaryFolder()
        certificates = try Certificates(in: folder)
    }

    private func serve(_ flags: String...) throws -> SecureService {
        try SecureService(certificates, flags: flags)
    }

    // MARK: Clients' certificates

    private func makeClients() throws {
        try certificates.make("client", signedBy: "ca")
        try certificates.makeExpired("expired", signedBy: "ca")
        try certificates.makeAuthority("foreign")
        try certificates.make("stranger", signedBy: "foreign")
    }

    @Test("A required client certificate is required, valid, and of the right authority")
    func requiredClientCertificate() throws {
        try makeClients()
        let service = try serve("--tls-client-ca", certificates.certificate("ca"))
        #expect(try service.curl(as: "client").status == 0)
        #expect(try service.curl([]).status != 0)
        try service.server.logLine(containing: "failed: peer did not return a certificate")
        #expect(try service.curl(as: "expired").status != 0)
        try service.server.logLine(containing: "the client's certificate: certificate has expired")
        #expect(try service.curl(as: "stranger").status != 0)
        try service.server.logLine(
            containing: "the client's certificate: unable to get local issuer")
    }

    @Test("An optional client certificate may be left out, but not be wrong")
    func optionalClientCertificate() throws {
        try makeClients()
        let service = try serve(
            "--tls-client-ca", certificates.certificate("ca"), "--tls-client-auth", "optional")
        #expect(try service.curl([]).status == 0)
        #expect(try service.curl(as: "client").status == 0)
        #expect(try service.curl(as: "expired").status != 0)
        #expect(try service.curl(as: "stranger").status != 0)
    }

    @Test(
        "A session with a client certificate resumes without it", arguments: ["-tls1_2", "-tls1_3"])
    func resumption(_ version: String) throws {
        try certificates.make("client", signedBy: "ca")
        let service = try serve("--tls-client-ca", certificates.certificate("ca"))
        let identity =
            "-cert \(certificates.certificate("client")) -key \(certificates.key("client"))"
        let session = folder.file("session.pem")
        let first = try service.request("\(version) \(identity) -sess_out \(session)")
        #expect(first.contains("\nNew, "))
        let second = try service.request("\(version) -sess_in \(session)")
        #expect(second.contains("\nReused, "))
        #expect(second.contains("{\"status\":\"ok\"}"))
    }

    @Test("Another client authority takes effect, for old sessions as well")
    func newAuthority() throws {
        try makeClients()
        let service = try serve("--tls-client-ca", certificates.certificate("ca"))
        let identity =
            "-cert \(certificates.certificate("client")) -key \(certificates.key("client"))"
        let session = folder.file("session.pem")
        #expect(try service.request("\(identity) -sess_out \(session)").contains("\nNew, "))
        let old = try Data(contentsOf: URL(fileURLWithPath: certificates.certificate("ca")))
        try replace(certificates.certificate("ca"), by: certificates.certificate("foreign"))
        service.server.hangUp()
        try service.server.logLine(containing: "TLS certificate reloaded")
        // curl trusts the certificates in that file.
        try old.write(to: URL(fileURLWithPath: folder.file("ca.pem")))
        #expect(try service.curl(as: "stranger").status == 0)
        #expect(try service.curl(as: "client").status != 0)
        // The client may or may not read the alert, depending on which side is faster.
        let answer = (try? service.request("-sess_in \(session)")) ?? ""
        #expect(!answer.contains("200 OK"))
    }

    // MARK: Reloading

    private func replace(_ path: String, by source: String) throws {
        try Data(contentsOf: URL(fileURLWithPath: source)).write(
            to: URL(fileURLWithPath: path), options: .atomic)
    }

    private func replace(_ old: String, byPair new: String) throws {
        try replace(certificates.key(old), by: certificates.key(new))
        try replace(certificates.certificate(old), by: certificates.certificate(new))
    }

    /// Bad files that a reload may find, and its message for each.
    enum BadFiles: String, CaseIterable, Sendable {
        case garbage = "no start line"
        case missing = "No such file or directory"
        case mismatch = "key values mismatch"
        case expired = "it has expired"
        case encrypted = "it is encrypted"
        case noAuthority = "cannot use the client authorities"
    }

    private func spoil(_ bad: BadFiles) throws {
        let certificate = certificates.certificate("server")
        switch bad {
        case .garbage:
            try "no certificate".write(toFile: certificate, atomically: true, encoding: .utf8)
        case .missing: try FileManager.default.removeItem(atPath: certificate)
        case .mismatch: try replace(certificates.key("server"), by: certificates.key("ca"))
        case .expired:
            try certificates.makeExpired("expired", signedBy: "ca")
            try replace("server", byPair: "expired")
        case .encrypted:
            try certificates.encryptKey("server", as: "encrypted")
            try replace(certificates.key("server"), by: certificates.key("encrypted"))
        case .noAuthority:
            try Data().write(to: URL(fileURLWithPath: certificates.certificate("authority")))
        }
    }

    @Test(
        "A bad new certificate is kept out, and a good one after it is not",
        arguments: BadFiles.allCases)
    func badReload(_ bad: BadFiles) throws {
        let authority = certificates.certificate("authority")
        try replace(authority, by: certificates.certificate("ca"))
        let service = try serve(
            "--reload-interval", "86400", "--tls-client-ca", authority, "--tls-client-auth",
            "optional")
        #expect(try service.subject() == "subject=CN = server")
        try spoil(bad)
        service.server.hangUp()
        let line = try service.server.logLine(containing: "The old TLS certificate stays in use")
        #expect(line.contains(" error "))
        #expect(line.contains(bad.rawValue), "\(line)")
        #expect(try service.subject() == "subject=CN = server")
        #expect(try service.curl([]).status == 0)

        try certificates.make("new", signedBy: "ca")
        try replace("server", byPair: "new")
        try replace(authority, by: certificates.certificate("ca"))
        service.server.hangUp()
        try service.server.logLine(containing: "TLS certificate reloaded")
        #expect(try service.subject() == "subject=CN = new")
    }

    @Test("Reloads under load drop no connection")
    func reloadUnderLoad() throws {
        let service = try serve()
        // Hundreds of requests on each of four connections, with reloads all the while.
        let arguments = service.curlArguments(
            ["-w", "%{num_connects} ", "-o", "/dev/null"], path: "/healthz?[1-600]")
        let clients = try (0..<4).map { _ in try ChildProcess("curl", arguments) }
        let isOver = Guarded(false)
        defer { isOver.with { $0 = true } }
        Thread.detachNewThread {
            while !isOver.with({ $0 }) {
                service.server.hangUp()
                usleep(2_000)
            }
        }
        for client in clients {
            #expect(try client.waitForExit() == 0)
            let connects = try client.standardOutput.wholeText().split(separator: " ")
            #expect(connects.count == 600)
            #expect(connects.filter { $0 == "1" }.count == 1)
        }
        try service.server.logLine(containing: "TLS certificate reloaded")
    }

    @Test("A swapped link, as a Secret volume has it, is noticed without a signal")
    func reloadOnChange() throws {
        try certificates.make("new", signedBy: "ca")
        let link = folder.file("current")
        for (version, name) in [("v1", "server"), ("v2", "new")] {
            let directory = folder.file(version)
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: false)
            for (file, source) in [
                ("tls.crt", certificates.certificate(name)), ("tls.key", certificates.key(name)),
            ] {
                try FileManager.default.copyItem(atPath: source, toPath: "\(directory)/\(file)")
            }
        }
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "v1")
        let service = try SecureService(
            certificates,
            certificate: [
                "--listen", "https://127.0.0.1:0", "--tls-certificate", "\(link)/tls.crt",
                "--tls-key", "\(link)/tls.key", "--reload-interval", "0.05",
            ])
        #expect(try service.subject() == "subject=CN = server")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("next"), withDestinationPath: "v2")
        #expect(rename(folder.file("next"), link) == 0)
        try service.server.logLine(containing: "TLS certificate reloaded")
        #expect(try service.subject() == "subject=CN = new")
    }

    // MARK: Configuration

    @Test("A certificate that is missing, or is not asked for, is said at the start")
    func configurationErrors() throws {
        func start(_ flags: [String]) throws -> Command {
            try Command(
                BuiltProgram.path, ["serve", "--database", folder.file("none.db")] + flags)
        }
        func start(certificate: String, key: String) throws -> Command {
            try start([
                "--listen", "https://127.0.0.1:0", "--tls-certificate", certificate, "--tls-key",
                key,
            ])
        }
        let certificate = certificates.certificate("server")
        let missing = try start(certificate: folder.file("none"), key: folder.file("none"))
        #expect(missing.status == 1)
        #expect(missing.errors.contains("cannot use the certificate"))
        #expect(missing.errors.contains("No such file or directory"))
        #expect(try start(["--listen", "https://127.0.0.1:0"]).status == 64)
        #expect(
            try start(["--tls-certificate", certificate, "--tls-key", certificate]).status == 64)
        let mismatch = try start(certificate: certificate, key: certificates.key("ca"))
        #expect(mismatch.errors.contains("cannot use the key"))
        #expect(mismatch.errors.contains("mismatch"))
        try certificates.encryptKey("server", as: "encrypted")
        let encrypted = try start(certificate: certificate, key: certificates.key("encrypted"))
        #expect(encrypted.status == 1)
        #expect(encrypted.errors.contains("it is encrypted"))
    }

    @Test("A certificate that has expired is served all the same, with a warning")
    func expired() throws {
        try certificates.makeExpired("expired", signedBy: "ca")
        let service = try SecureService(
            certificates,
            certificate: [
                "--listen", "https://127.0.0.1:0", "--tls-certificate",
                certificates.certificate("expired"), "--tls-key", certificates.key("expired"),
            ])
        #expect(try service.server.logLine(containing: "it has expired").contains(" warning "))
        #expect(try service.curl(["--insecure"]).status == 0)
    }
}
