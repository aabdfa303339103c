import Access
import Foundation
import Logging
import System
import Testing

@testable import HTTPServer

@Suite("Signed bodies")
struct SignatureTests {
    /// Access by one secret for Flux, and by one token.
    private final class Signing {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "logbook-signing-\(UUID().uuidString)")
        let control: AccessControl

        init(secret: String) throws {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let list = folder.appendingPathComponent("access")
            let line = AccessList.line(name: "boss", scopes: .admin, token: "boss") ?? ""
            let file = folder.appendingPathComponent("secret")
            try Data("\(line)\nflux write:flux hmac:\(file.path)\n".utf8).write(to: list)
            try Data(secret.utf8).write(to: file)
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            control = try AccessControl(path: list.path, realm: "test", logger: logger)
        }

        deinit { try? FileManager.default.removeItem(at: folder) }

        func replace(secret: String) throws {
            try Data(secret.utf8).write(to: folder.appendingPathComponent("secret"))
        }
    }

    private static let routes = ["/flux", "/github"].map { path in
        TestServer.route(
            .post, path, scope: .write(to: String(path.dropFirst())), bodyLimit: 1 << 21
        ) { request, response in response.body = Array("\(request.body.count)".utf8) }
    }
    private static let secret = "It's a Secret to Everybody"

    private static func signature(_ body: String, _ secret: String = secret) -> String {
        let code = Array(body.utf8).withUnsafeBytes { HMACSHA256.of($0, key: Array(secret.utf8)) }
        return "X-Signature: sha256=" + code.map(\.hexadecimal).joined()
    }

    private static func request(_ path: String, _ body: String, _ fields: String...) -> String {
        let lines = ["POST \(path) HTTP/1.1", "Host: a", "Content-Length: \(body.utf8.count)"]
        return (lines + fields).map { "\($0)\r\n" }.joined() + "\r\n" + body
    }

    private static func run(
        _ signing: Signing, _ body: (TestServer) throws -> Void
    ) throws {
        try TestServer.run(loops: 1, routes: routes, access: signing.control, body)
    }

    @Test("libcrypto's codes are those of GitHub's documentation")
    func vector() {
        #expect(
            Self.signature("Hello, World!")
                == "X-Signature: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        )
    }

    @Test("A valid signature admits the body, for its format alone")
    func valid() throws {
        let signing = try Signing(secret: Self.secret + "\n")
        try Self.run(signing) { server in
            let client = try server.connect()
            for body in ["Hello, World!", "", String(repeating: "x", count: 100_000)] {
                client.send(Self.request("/flux", body, Self.signature(body)))
                #expect(try client.readAnswer().code == 200)
                // Its connection ends with a body that is not worth reading.
                let other = try server.connect()
                other.send(Self.request("/github", body, Self.signature(body)))
                #expect(try other.readAnswer().code == 401)
            }
            // A token is as good, and decides alone.
            client.send(Self.request("/flux", "x", "Authorization: Bearer boss"))
            #expect(try client.readAnswer().code == 200)
            client.send(
                Self.request("/flux", "x", "Authorization: Bearer wrong", Self.signature("x")))
            #expect(try client.readAnswer().code == 401)
        }
    }

    @Test("A wrong or missing signature is refused, and says so")
    func invalid() throws {
        let signing = try Signing(secret: Self.secret)
        try Self.run(signing) { server in
            let client = try server.connect()
            let right = Self.signature("x")
            let wrong = [
                Self.signature("y"), Self.signature("x", "another secret, as long"),
                String(right.dropLast()), right + "0", String(right.dropLast()) + "g",
                right.replacing("sha256", with: "sha1"), "X-Signature: ", "X-Signature: sha256=",
                "X-Signature: sha256=" + String(repeating: "0", count: 64),
            ]
            for field in wrong {
                client.send(Self.request("/flux", "x", field))
                let answer = try client.readAnswer()
                #expect(answer.code == 403, "\(field)")
                #expect(answer.text.contains("compare the secrets"))
            }
            #expect(signing.control.refusals["invalid_signature"] == wrong.count)
            client.send(Self.request("/flux", "x"))
            let missing = try client.readAnswer()
            #expect(missing.code == 401)
            #expect(missing.text.contains("or sign the body in the header x-signature"))
            client.send(
                "POST /flux HTTP/1.1\r\nHost: a\r\n\(right)\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
            )
            #expect(try client.readAnswer().code == 413)
        }
    }

    @Test("A body that nobody vouches for yet is short")
    func long() throws {
        let signing = try Signing(secret: Self.secret)
        try Self.run(signing) { server in
            let client = try server.connect()
            client.send(
                "POST /flux HTTP/1.1\r\nHost: a\r\n\(Self.signature("x"))\r\nContent-Length: 1048577\r\n\r\n"
            )
            #expect(try client.readAnswer().code == 413)
        }
    }

    @Test("A secret may be replaced while the server runs; one that is none changes nothing")
    func replacement() throws {
        let signing = try Signing(secret: Self.secret)
        try Self.run(signing) { server in
            let client = try server.connect()
            func code(_ secret: String) throws -> Int {
                client.send(Self.request("/flux", "x", Self.signature("x", secret)))
                return try client.readAnswer().code
            }
            #expect(!signing.control.reloadIfChanged())
            let next = "another secret, longer than the first"
            try signing.replace(secret: next)
            #expect(signing.control.reloadIfChanged())
            #expect(try code(Self.secret) == 403)
            #expect(try code(next) == 200)
            try signing.replace(secret: "short")
            #expect(!signing.control.reloadIfChanged())
            #expect(try code(next) == 200)
        }
    }

    @Test(
        "Base64",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ])
    func base64(_ text: String, _ encoded: String) {
        // RFC 4648, 10.
        #expect(Array(text.utf8).withUnsafeBytes(Base64.encode) == encoded)
        #expect(Array(encoded.utf8).withUnsafeBytes(Base64.decode) == Array(text.utf8))
    }

    @Test(
        "What is not Base64",
        arguments: [
            "Zg", "Zg=", "Z===", " Zg=", "Zg==\n", "Zm9\u{00E9}", "Zm9-", "====", "Zg==Zg==",
        ])
    func notBase64(_ text: String) {
        #expect(Array(text.utf8).withUnsafeBytes(Base64.decode) == nil)
    }
}
