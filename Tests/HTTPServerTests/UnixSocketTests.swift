import Foundation
import Logging
import System
import Testing

@testable import HTTPServer

@Suite("Unix sockets")
struct UnixSocketTests {
    private let path = "/tmp/logbook-\(UUID().uuidString.prefix(12)).sock"

    private func server() -> Server {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return Server(
            ServerConfiguration(addresses: [.unix(path: path)], loops: 1),
            router: Router(TestServer.routes), logger: logger)
    }

    private func get() throws -> String {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var name = try #require(sockaddr_un(path: path))
        let result = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw Client.Failure("connect") }
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        _ = send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL))
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 {
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        return text
    }

    @Test("Serve, and remove their files")
    func serve() throws {
        let server = server()
        try server.start()
        #expect(server.addresses == [.unix(path: path)])
        #expect(try get().hasSuffix("\r\n\r\nroot"))
        server.stop(timeout: .seconds(60))
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("A file that a killed process left is replaced; one that is served is not")
    func abandoned() throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var name = try #require(sockaddr_un(path: path))
        let result = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(result == 0)
        close(descriptor)
        let server = server()
        try server.start()
        #expect(throws: SystemError.self) { try self.server().start() }
        #expect(try get().hasSuffix("\r\n\r\nroot"))
        server.stop(timeout: .seconds(60))
    }

    @Test("Another file is not touched")
    func otherFile() throws {
        try Data("precious".utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: SystemError.self) { try server().start() }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    }

    @Test("A path that is too long is said to be")
    func tooLong() {
        let address = ListenAddress.unix(path: "/tmp/" + String(repeating: "a", count: 103))
        #expect(throws: SystemError.self) { try Listener(Endpoint(address)) }
    }
}
