import Foundation
public import TLS

/// A self-signed certificate for this run, made once by the `openssl` program.
public enum TestCertificate {
    /// The files of the certificate and its key.
    public static let configuration: TLSConfiguration = {
        // Removed when the process ends, because tests use it to the last.
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "logbook-certificate-\(ProcessInfo.processInfo.processIdentifier)")
        path = folder.path
        atexit { _ = try? FileManager.default.removeItem(atPath: TestCertificate.path) }
        let configuration = TLSConfiguration(
            certificatePath: folder.appendingPathComponent("certificate.pem").path,
            keyPath: folder.appendingPathComponent("key.pem").path)
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try make(configuration)
        } catch {
            preconditionFailure("no certificate: \(error)")
        }
        return configuration
    }()

    /// Written once, before the only reader is registered.
    nonisolated(unsafe) private static var path = ""

    private static func make(_ configuration: TLSConfiguration) throws {
        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-days", "2", "-subj", "/CN=localhost", "-nodes",
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-keyout", configuration.keyPath, "-out", configuration.certificatePath,
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        precondition(openssl.terminationStatus == 0, "openssl makes a certificate")
    }
}
