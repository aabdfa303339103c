import Foundation
import TestSupport
import Testing

@testable import PostgreSQL

@Suite("PostgreSQLAddress")
struct PostgreSQLAddressTests {
    private func address(_ url: String, allowsPassword: Bool = true) throws -> PostgreSQLAddress {
        try PostgreSQLAddress(url: url, allowsPassword: allowsPassword)
    }

    private func message(_ url: String, allowsPassword: Bool = true) -> String? {
        #expect(throws: PostgreSQLError.self) {
            try address(url, allowsPassword: allowsPassword)
        }?.message
    }

    @Test("The description is the URL without its secrets")
    func description() throws {
        for (url, expected) in [
            ("postgresql://u:secret@db:5432/events", "postgresql://u@db:5432/events"),
            ("postgres://db/events", "postgresql://db/events"),
            ("postgresql://a,b:5433/e?sslpassword=secret", "postgresql://a,b:5433/e"),
            ("postgresql://[::1]:5432/e?password=secret", "postgresql://[::1]:5432/e"),
            ("postgresql:///e?host=%2Frun%2Fpg&user=u", "postgresql://u@/e?host=/run/pg"),
            (
                "postgresql://u@db/e?sslmode=require&pooled=true&connect_timeout=5",
                "postgresql://u@db/e?connect_timeout=5&sslmode=require&pooled=true"
            ),
            ("postgresql://a%40b@db/e%3Ff", "postgresql://a%40b@db/e%3Ff"),
        ] {
            let description = try address(url).description
            #expect(description == expected)
            #expect(try address(description).description == expected)
        }
    }

    @Test("A password is refused where others could read it")
    func password() throws {
        for url in [
            "postgresql://u:hunter2@db/e", "postgresql://db/e?password=hunter2",
            "postgresql://db/e?sslpassword=hunter2",
        ] {
            let text = try #require(message(url, allowsPassword: false))
            #expect(text.contains("--store-password-file") && text.contains("?passfile="))
            #expect(!text.contains("hunter2"))
            #expect(try address(url).description.contains("hunter2") == false)
        }
        _ = try address("postgresql://u@db/e?passfile=/run/secrets/x", allowsPassword: false)
    }

    @Test("A URL that is not one is refused without quoting it")
    func malformed() throws {
        #expect(message("mysql://db/e") == "the address is not a postgresql:// URL")
        #expect(
            message("postgresql://db/e?nonsense=1") == "invalid URI query parameter: \"nonsense\"")
        #expect(try #require(message("postgresql://db/e?pooled=yes")).contains("pooled"))
        // Passwords whose special characters are not encoded.
        for url in [
            "postgresql://u:hun/ter2@db/e", "postgresql://u:hun@ter2@db/e",
            "postgresql://u:hunter2%zz@db/e", "postgresql://u:hunter2%00@db/e",
            "postgresql://[hunter2", "postgresql://db:hunter2/e",
        ] {
            let text = try #require(message(url))
            #expect(text.contains("percent-encoded"), "\(url)")
            #expect(!text.contains("ter2"))
        }
    }

    @Test("Encryption and the server's name are checked unless the host is this machine")
    func encryption() throws {
        for (url, mode) in [
            ("postgresql://db/e", "verify-full"), ("postgresql:///e", "verify-full"),
            ("postgresql://localhost,db/e", "verify-full"),
            ("postgresql://localhost/e?hostaddr=10.0.0.1", "verify-full"),
            ("postgresql://localhost/e", "prefer"), ("postgresql://127.0.0.1,[::1]/e", "prefer"),
            ("postgresql:///e?host=/run/pg", "prefer"),
            ("postgresql://db/e?sslmode=disable", "disable"),
        ] {
            #expect(try address(url).parameters()[0]["sslmode"] == mode, "\(url)")
        }
    }

    @Test("The defaults give way to the URL, but texts are UTF-8")
    func defaults() throws {
        let plain = try address("postgresql://db/e").parameters()[0]
        #expect(plain["application_name"] == "logbook")
        #expect(plain["target_session_attrs"] == "read-write")
        #expect(plain["tcp_user_timeout"] == "3000")
        let other = try address(
            "postgresql://db/e?application_name=x&target_session_attrs=any&client_encoding=LATIN1"
        ).parameters()[0]
        #expect(other["application_name"] == "x")
        #expect(other["target_session_attrs"] == "any")
        #expect(other["client_encoding"] == "UTF8")
        #expect(try address("postgresql://db/e").attemptTimeout == 2_000_000_000)
        #expect(try address("postgresql://db/e?connect_timeout=0").attemptTimeout == nil)
        #expect(try address("postgresql://db/e?pooled=true").parameters()[0]["pooled"] == nil)
        #expect(try address("postgresql://db/e?pooled=true").isPooled)
        #expect(try !address("postgresql://db/e?pooled=false").isPooled)
    }

    @Test("Every host is one attempt")
    func hosts() throws {
        let hosts = try address("postgresql://a:1,b:2/e").parameters()
        #expect(hosts.map { $0["host"] } == ["a", "b"])
        #expect(hosts.map { $0["port"] } == ["1", "2"])
        let port = try address("postgresql:///e?host=a,b&port=3").parameters()
        #expect(port.map { $0["host"] } == ["a", "b"])
        #expect(port.map { $0["port"] } == ["3", "3"])
        #expect(try address("postgresql:///e").parameters().count == 1)
        #expect(try address("postgresql:///e?host=a,b&port=1,2,3").parameters().count == 1)
    }

    @Test("A password's file is read for each connection")
    func passwordFile() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("password")
        #expect(throws: PostgreSQLError.self) {
            try PostgreSQLAddress(
                url: "postgresql://db/e", allowsPassword: false, passwordFile: path)
        }
        try Data("first\n".utf8).write(to: URL(filePath: path))
        let address = try PostgreSQLAddress(
            url: "postgresql://db/e", allowsPassword: false, passwordFile: path)
        #expect(try address.parameters()[0]["password"] == "first")
        try Data("second".utf8).write(to: URL(filePath: path))
        #expect(try address.parameters()[0]["password"] == "second")
        try Data("\n".utf8).write(to: URL(filePath: path))
        #expect(throws: PostgreSQLError.self) { try address.parameters() }
    }
}
