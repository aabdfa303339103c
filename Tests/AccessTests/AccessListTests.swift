import Foundation
import Testing

@testable import Access

@Suite("Access files")
struct AccessListTests {
    /// The hash of the token `abc`, by `printf abc | sha256sum`.
    private static let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    private static func entry(_ text: String, token: String) throws -> AccessList.Entry? {
        let list = try AccessList(Array(text.utf8))
        return Array(token.utf8).withUnsafeBytes { list.entry(ofToken: $0) }
    }

    @Test(
        "A line is a name, scopes and the hash of a token",
        arguments: [
            "ci read,write sha256:\(hash)", "ci write,read sha256:\(hash.uppercased())\n",
            "\tci  \t read,write   sha256:\(hash) \t\r\n",
            "# ci admin\n\n  # x\r\n\r\nci read,write sha256:\(hash)",
        ])
    func lines(_ text: String) throws {
        let entry = try #require(try Self.entry(text, token: "abc"))
        #expect(entry.name == "ci")
        #expect(entry.scopes == [.read, .write])
        #expect(!entry.scopes.contains(.admin))
        for other in ["", "ab", "abcd", "ABC", "abc ", Self.hash] {
            #expect(try Self.entry(text, token: other) == nil)
        }
    }

    @Test("The first of many, the last, and every one between is found, by all of its hash")
    func many() throws {
        let names = (0..<100).map { "t\($0)" }
        let lines = names.compactMap { AccessList.line(name: $0, scopes: .read, token: $0) }
        for name in names {
            #expect(try Self.entry(lines.joined(separator: "\n"), token: name)?.name == name)
        }
        // Hashes that differ only in their first or last digit.
        for hash in ["\(Self.hash.dropLast())e", "a\(Self.hash.dropFirst())"] {
            #expect(try Self.entry("a read sha256:\(hash)", token: "abc") == nil)
        }
    }

    @Test(
        "An invalid line is refused by its number, and not quoted",
        arguments: [
            "ci", "ci read", "ci read s3cret", "ci read sha256:", "ci read sha256:\(hash)0",
            "ci read sha256:\(hash.dropLast())",
            "ci read sha256:\(hash.dropLast())g", "ci read sha256: \(hash)",
            "ci read SHA256:\(hash)", "ci read \(hash)",
            "ci read, sha256:\(hash)", "ci s3cret sha256:\(hash)", "ci Read sha256:\(hash)",
            "ci , sha256:\(hash)",
            "c/i read sha256:\(hash)", "s3cret\u{1B}[2J read sha256:\(hash)",
            "é read sha256:\(hash)",
            String(repeating: "x", count: 65) + " read sha256:\(hash)", "ci read certificate:",
            "ci read certificate:a\u{7}",
            "ci read certificate:" + String(repeating: "x", count: 257),
            "ci read sha256:\(hash) # comment",
        ])
    func malformed(_ line: String) {
        let error = #expect(throws: AccessError.self) {
            try AccessList(Array("# first\n\n\(line)\n".utf8))
        }
        #expect(
            error?.description
                == "line 3 is not NAME SCOPES and sha256:HASH, certificate:WHO or hmac:FILE")
    }

    @Test("A secret is the content of a file, for one format whose senders sign")
    func secrets() throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("logbook-secret-\(UUID().uuidString)").path
        defer { unlink(path) }
        func list(_ secret: String, scopes: String = "write:flux") throws -> AccessList {
            try Data(secret.utf8).write(to: URL(fileURLWithPath: path))
            return try AccessList(Array("ci \(scopes) hmac:\(path)".utf8))
        }
        let secret = String(repeating: "k", count: 16)
        for ending in ["", "\n", "\r\n"] {
            let signers = try list(secret + ending).signers(for: .write(to: "flux"))
            #expect(signers.map(\.credential) == [.secret(Array(secret.utf8))])
        }
        #expect(try list(secret).signers(for: .write(to: "github")).isEmpty)
        for wrong in ["", String(secret.dropLast()), String(repeating: "k", count: 4097)] {
            let error = #expect(throws: AccessError.self) { try list(wrong) }
            #expect(
                error?.description == "the secret file of line 1 must have 16 to 4096 bytes")
        }
        for scopes in ["write", "admin", "write:records", "write:flux,write:github", "read"] {
            let error = #expect(throws: AccessError.self) { try list(secret, scopes: scopes) }
            #expect(error?.description.contains("can be write:flux or write:github") == true)
        }
        unlink(path)
        let error = #expect(throws: AccessError.self) {
            try AccessList(Array("ci write:flux hmac:\(path)".utf8))
        }
        #expect(error?.description.contains("line 1 cannot be read: No such file") == true)
    }

    @Test(
        "A token or certificate stands there once; a name, which a new token may share with the old, more often"
    )
    func twice() throws {
        for credential in ["sha256:\(Self.hash)", "certificate:a b"] {
            let error = #expect(throws: AccessError.self) {
                try AccessList(Array("a read \(credential)\nb admin \(credential)".utf8))
            }
            #expect(error?.description.hasPrefix("line 2 ") == true)
        }
        let lines = ["old", "new"].compactMap {
            AccessList.line(name: "ci", scopes: .read, token: $0)
        }
        let list = try AccessList(Array(lines.joined(separator: "\n").utf8))
        #expect(list.counts == (2, 0, 0))
    }

    @Test("A thousand lines, and a MiB, are taken, and one more is not")
    func bounds() throws {
        func list(_ count: Int) throws -> AccessList {
            try AccessList(Array((0..<count).map { "a read certificate:\($0)\n" }.joined().utf8))
        }
        #expect(try list(1000).counts == (0, 1000, 0))
        #expect(throws: AccessError.self) { try list(1001) }
        let longest = [UInt8](repeating: UInt8(ascii: "#"), count: 1024 * 1024)
        #expect(try AccessList(longest).counts == (0, 0, 0))
        #expect(throws: AccessError.self) { try AccessList(longest + [10]) }
        #expect(try AccessList([]).counts == (0, 0, 0))
        let name = String(repeating: "x", count: 64)
        #expect(AccessList.line(name: name, scopes: .read, token: "") != nil)
        #expect(AccessList.line(name: name + "x", scopes: .read, token: "") == nil)
        #expect(AccessList.line(name: "", scopes: .read, token: "") == nil)
        #expect(AccessList.line(name: "a\nb", scopes: .read, token: "") == nil)
    }

    @Test(
        "A certificate has the line of any of its names, byte for byte, and the one with the scope")
    func certificates() throws {
        let list = try AccessList(
            Array(
                "a read certificate:John Doe\nb write certificate:spiffe://x/y\nc admin certificate:caf\u{E9}"
                    .utf8))
        func name(_ names: String..., scope: Scopes = .read) -> String? {
            list.entry(ofCertificate: names.map { Array($0.utf8) }, for: scope)?.name
        }
        #expect(name("John Doe") == "a")
        #expect(name("x", "spiffe://x/y") == "b")
        #expect(name("John Doe", "spiffe://x/y", scope: .write) == "b")
        #expect(name("John Doe", "spiffe://x/y", scope: .admin) == "a")
        #expect(name("caf\u{E9}") == "c")
        for other in ["John", "John Doe ", "john doe", "John Doe\0", "cafe\u{301}", ""] {
            #expect(name(other) == nil)
        }
        #expect(name() == nil)
    }

    @Test("Scopes by their names; admin is all of them")
    func scopes() {
        #expect(Scopes("read") == .read)
        #expect(Scopes("read,write")?.description == "read,write")
        #expect(Scopes("admin")?.contains([.read, .write]) == true)
        #expect(Scopes("admin,read")?.description == "admin")
        #expect(Scopes("read,write")?.contains(.admin) == false)
        #expect(Scopes("write")?.contains(.read) == false)
        for text in ["", "Read", "read,", ",", "all", "read write"] {
            #expect(Scopes(text) == nil, "\(text)")
        }
    }
}
