import Foundation
import TestSupport
import Testing

@testable import PostgreSQL

@Suite("Encrypted connections", .serialized)
struct EncryptionTests {
    /// A server with a certificate for `localhost`, and with a password for its user.
    private static let server: Result<PostgreSQLServer, any Error> = Result {
        try PostgreSQLServer(
            settings: [
                "listen_addresses = '127.0.0.1'", "ssl = on",
                "ssl_cert_file = '../certificate.pem'", "ssl_key_file = '../key.pem'",
            ],
            access: "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n",
            port: freePort()
        ) { folder in
            try certify("localhost", "certificate.pem", in: folder)
            try certify("localhost", "other.pem", in: folder)
        }
    }

    private static func certify(_ name: String, _ file: String, in folder: String) throws {
        try Companion.run(
            [
                "openssl", "req", "-x509", "-days", "2", "-subj", "/CN=\(name)", "-nodes",
                "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-addext",
                "subjectAltName=DNS:\(name)", "-out", file, "-keyout",
                file == "certificate.pem" ? "key.pem" : "other-key.pem",
            ], in: folder)
    }

    private static func freePort() -> UInt16 {
        let (descriptor, port) = loopbackSocket(listens: false)
        defer { close(descriptor) }
        return port
    }

    /// Connects over TCP to the host of that name, with that certificate of an authority.
    private func connect(
        _ host: String, _ authority: String, password: String = "secret", mode: String = ""
    ) throws -> PostgreSQLConnection {
        let server = try Self.server.get()
        let user = "u\(UInt32.random(in: 0...(.max)))"
        _ = try server.query("CREATE ROLE \(user) LOGIN PASSWORD 'secret'")
        let root = PostgreSQLServer.escaped(server.folder + "/" + authority)
        return try PostgreSQLTests.connect(
            "postgresql://\(user):\(password)@\(host):\(server.port)/postgres"
                + "?hostaddr=127.0.0.1&sslrootcert=\(root)\(mode)")
    }

    private static let verify = "&sslmode=verify-full"

    @Test("verify-full accepts the certificate of its authority")
    func accepted() throws {
        let connection = try connect("localhost", "certificate.pem", mode: Self.verify)
        #expect(
            try connection.texts(
                "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == ["true"])
        #expect(
            try connection.texts(
                "SELECT length($1)::text", [.text([UInt8](repeating: 97, count: 1 << 22))])
                == ["\(1 << 22)"])
    }

    @Test("It refuses another authority's, and another name")
    func refused() throws {
        let other = #expect(throws: PostgreSQLError.self) {
            try connect("localhost", "other.pem", mode: Self.verify)
        }
        #expect(other?.message.contains("certificate verify failed") == true)
        let name = #expect(throws: PostgreSQLError.self) {
            try connect("db.example", "certificate.pem", mode: Self.verify)
        }
        #expect(name?.message.contains("db.example") == true)
    }

    @Test("A wrong password is not quoted, and does not pass by itself")
    func wrongPassword() throws {
        let error = #expect(throws: PostgreSQLError.self) {
            try connect("localhost", "certificate.pem", password: "hunter2", mode: Self.verify)
        }
        #expect(error?.sqlState == "28P01")
        #expect(error?.mayPass == false)
        #expect(error?.description.contains("hunter2") == false)
    }
}
