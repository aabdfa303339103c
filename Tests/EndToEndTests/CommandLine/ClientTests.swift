import Foundation
import TestSupport
import Testing

/// The commands' connections to a server, and their messages on failure.
@Suite("The client of a server")
struct ClientTests {
    @Test("A server that is not there is a failure that names it")
    func unreachable() throws {
        let port = ReservedPort()
        for command in [
            ["list"], ["get", "a"], ["list", "-f"], ["export", "--patience", "0"],
            ["add", "--type", "a", "--severity", "info", "--title", "t", "--patience", "0"],
        ] {
            let run = try Command(
                BuiltProgram.path,
                ["events"] + command + ["--server", "http://127.0.0.1:\(port.number)"])
            #expect(run.status == 1)
            #expect(run.output.isEmpty)
            #expect(
                run.errors.contains("127.0.0.1:\(port.number): cannot connect"), "\(run.errors)")
        }
    }

    @Test(
        "Wrong usage says what would be right",
        arguments: [
            ["list", "--server", "127.0.0.1:80"], ["list", "--server", "http://a/b?c"],
            ["list", "--server", "http://u@h"], ["list", "--format", "xml"],
            ["list", "--limit", "0"], ["list", "--timeout", "0"], ["list", "--filter", "a"],
            ["list", "--server", "http://h", "--database", "f"], ["list", "--certificate", "c"],
            ["get"], ["list", "--tail", "1001"], ["-f", "--tail", "1", "--after", "1"],
            ["list", "--count", "1"], ["list", "-f", "--all"],
            ["list", "--limit", "1", "--tail", "1"],
            ["list", "-f", "--database", "d"], ["list", "-A", "-n", "shop"],
            ["list", "--since", "soon"],
            ["export", "--format", "table"], ["add", "--type", "a"],
            ["import", "--patience", "-1"], ["no-such"], ["list", "surplus"],
        ])
    func usage(_ arguments: [String]) throws {
        let run = try Command(BuiltProgram.path, ["events"] + arguments)
        #expect(run.status == 64, "\(arguments)")
        #expect(run.errors.contains("Usage:") || run.errors.contains("Error:"), "\(run.errors)")
        #expect(run.output.isEmpty)
    }

    @Test(
        "The server, the file and the format come from the environment; a flag wins",
        .ofFile(.commands))
    func environment() throws {
        let server = try LogbookProcess()
        try server.store([NewEvent(id: "a")])
        let variables = [
            "LOGBOOK_SERVER": server.url, "LOGBOOK_FORMAT": "csv",
            "LOGBOOK_DATABASE": "/nowhere/logbook.db",
        ]
        // In an image the variable for the file is set for the service, and the server is the
        // better way.
        let list = try LogbookCommand.output("events", "list", environment: variables)
        #expect(list.hasPrefix("id,event_type"))
        let get = try LogbookCommand.output(
            "events", "get", "a", "--format", "json", environment: variables)
        #expect(get.hasPrefix("{\"id\":\"a\""))
        let file = try LogbookCommand.output(
            "events", "list", "--database", server.database, environment: variables)
        #expect(file == list)
        let copy = server.folder.file("copy.db")
        let backup = try LogbookCommand.run(
            "backup", "--server", server.url, "--output", copy, environment: variables)
        #expect(backup.status == 0, "\(backup.errors)")
    }

    @Test("A token goes with every request, from a file or the environment, and is never shown")
    func token() throws {
        let server = CannedServer(
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 12\r\n\r\n{\"detail\":0}")
        let folder = try TemporaryFolder()
        let path = folder.file("token")
        try " secret-1\n".write(toFile: path, atomically: true, encoding: .utf8)
        let file = try LogbookCommand.run(
            "events", "list", "--server", server.url, "--token-file", path)
        let variable = try LogbookCommand.run(
            "events", "get", "a", "--server", server.url, environment: ["LOGBOOK_TOKEN": "secret-2"]
        )
        let named = try LogbookCommand.run(
            "events", "list", "-w", "--server", server.url,
            environment: ["LOGBOOK_TOKEN_FILE": path])
        for run in [file, variable, named] {
            #expect(run.status == 1)
            #expect(run.errors.contains("401 Unauthorized"), "\(run.errors)")
            #expect(run.errors.contains("--token-file"), "\(run.errors)")
            #expect(!run.errors.contains("secret"))
        }
        #expect(server.requests.count == 3)
        let tokens = server.requests.map { request in
            request.split(separator: "\r\n").first { $0.hasPrefix("Authorization: ") } ?? ""
        }
        #expect(
            tokens == [
                "Authorization: Bearer secret-1", "Authorization: Bearer secret-2",
                "Authorization: Bearer secret-1",
            ])
        for text in ["", "two words\r\nX-Evil: 1", "caf\u{00E9}"] {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let run = try LogbookCommand.run(
                "events", "list", "--server", server.url, "--token-file", path)
            #expect(run.status == (text.hasPrefix("two") ? 1 : 64), "\(text)")
        }
        #expect(!server.requests.joined().contains("X-Evil"))
        let exposed = try LogbookCommand.run(
            "events", "list", "--server", "http://192.0.2.1", environment: ["LOGBOOK_TOKEN": "x"])
        #expect(exposed.status == 1)
        #expect(exposed.errors.contains("over TLS only"), "\(exposed.errors)")
        let missing = try LogbookCommand.run(
            "events", "list", "--server", server.url, "--token-file", folder.file("none"))
        #expect(missing.status == 1)
        #expect(missing.errors.contains("cannot read the token file"), "\(missing.errors)")
    }

    @Test(
        "An answer that is broken or none is a failure that says how",
        arguments: [
            ("", "no answer"), ("HTTP/1.1 200 OK\r\nContent-Le", "broke off"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "broke off"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", "broke off"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n{", "not HTTP"),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "not HTTP"),
            ("SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
            ("HTTP/1.1 200 OK\r\n\r\n<html>", "not a page of events"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"events\":[1]", "cannot be read"),
            ("HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", "answered 502 Bad Gateway: <html>"),
            (
                "HTTP/1.1 409 Conflict\r\n\r\n{\"status\":409,\"detail\":\"It is \\u0074aken.\"}",
                "answered 409 Conflict: It is taken."
            ),
        ])
    func broken(_ answer: String, _ message: String) throws {
        let server = CannedServer(answer)
        let run = try LogbookCommand.run("events", "list", "--server", server.url)
        #expect(run.status == 1)
        #expect(run.errors.contains(message), "\(run.errors)")
        #expect(run.output.isEmpty)
    }

    @Test("A chunked answer is put together, extensions and trailers passed over")
    func chunked() throws {
        let server = CannedServer(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA;x=y\r\n{\"events\":\r\n"
                + "3\r\n[]}\r\n0\r\nX-Trailer: 1\r\n\r\n")
        let json = try LogbookCommand.output(
            "events", "list", "--server", server.url, "--format", "json")
        #expect(json == "[]\n")
    }

    @Test("A socket in the file system is reached by unix:PATH", .ofFile(.commands))
    func unixSocket() throws {
        let folder = try TemporaryFolder()
        let socket = "unix:\(folder.file("s"))"
        let server = try LogbookProcess(in: folder, flags: ["--listen", socket])
        try server.store([NewEvent(id: "a")])
        let list = try LogbookCommand.output("events", "list", "--server", socket, "--ids")
        #expect(list.contains("\na "))
        let copy = folder.file("copy.db")
        #expect(try LogbookCommand.run("backup", "--server", socket, "--output", copy).status == 0)
    }

    @Test("https is spoken with servers whose certificate is trusted, and with nobody else")
    func secure() throws {
        let folder = try TemporaryFolder()
        let certificates = try Certificates(in: folder)
        try certificates.makeAuthority("other")
        let service = try SecureService(certificates)
        try service.server.store([NewEvent(id: "a")])
        let ca = certificates.certificate("ca")
        for host in ["localhost", "127.0.0.1"] {
            let url = "https://\(host):\(service.port)"
            let list = try LogbookCommand.output(
                "events", "list", "--server", url, "--ca", ca, "--ids")
            #expect(list.contains("\na "))
            #expect(try LogbookCommand.run("healthcheck", "--server", url, "--ca", ca).status == 0)
        }
        let url = "https://localhost:\(service.port)"
        let copy = folder.file("copy.db")
        let backup = try LogbookCommand.run(
            "backup", "--server", url, "--ca", ca, "--output", copy)
        #expect(backup.status == 0, "\(backup.errors)")
        for arguments in [[], ["--ca", certificates.certificate("other")]] {
            let run = try Command(
                BuiltProgram.path, ["events", "list", "--server", url] + arguments)
            #expect(run.status == 1)
            #expect(run.errors.contains("not trusted"), "\(run.errors)")
        }
        let missing = try LogbookCommand.run(
            "events", "list", "--server", url, "--ca", folder.file("none.pem"))
        #expect(missing.status == 1)
        #expect(missing.errors.contains("none.pem"), "\(missing.errors)")
        // The right authority, the wrong name.
        let name = "https://ip6-localhost:\(service.port)"
        let wrong = try LogbookCommand.run("events", "list", "--server", name, "--ca", ca)
        #expect(wrong.status == 1)
        // A port without TLS.
        let plain = try LogbookCommand.run(
            "events", "list", "--server", "https://localhost:\(service.server.port)", "--ca", ca)
        #expect(plain.status == 1)
        #expect(plain.errors.contains("begin TLS"), "\(plain.errors)")
    }

    @Test("A server that asks for a client's certificate gets it")
    func clientCertificate() throws {
        let certificates = try Certificates(in: try TemporaryFolder())
        try certificates.make("client", signedBy: "ca")
        let ca = certificates.certificate("ca")
        let service = try SecureService(certificates, flags: ["--tls-client-ca", ca])
        let url = "https://localhost:\(service.port)"
        let none = try LogbookCommand.run("events", "list", "--server", url, "--ca", ca)
        #expect(none.status == 1)
        let with = try LogbookCommand.run(
            "events", "list", "--server", url, "--ca", ca, "--certificate",
            certificates.certificate("client"), "--key", certificates.key("client"))
        #expect(with.status == 0, "\(with.errors)")
    }
}
