import Foundation
import Synchronization

/// A server that answers every connection's first request with the same bytes and then closes, for
/// answers that no real one sends.
public final class CannedServer: Sendable {
    private let port: UInt16
    private let listener: Int32
    private let received = Received()

    private final class Received: Sendable {
        let heads = Mutex<[String]>([])
    }

    /// Listens on a free port.
    public init(_ answer: String) {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(O_CLOEXEC), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, $0, &size) == 0
            }
        }
        precondition(isBound, "no listener: errno \(errno)")
        port = UInt16(bigEndian: address.sin_port)
        let received = received
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                var request: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 64 * 1024)
                while request.firstRange(of: Array("\r\n\r\n".utf8)) == nil {
                    let count = recv(client, &buffer, buffer.count, 0)
                    guard count > 0 else { break }
                    request += buffer[..<count]
                }
                received.heads.withLock {
                    $0.append(String(decoding: request, as: UTF8.self))
                }
                _ = send(client, answer, answer.utf8.count, Int32(MSG_NOSIGNAL))
                close(client)
            }
        }
    }

    deinit {
        // accept(2) does not notice that its socket is closed.
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// The server's URL.
    public var url: String { "http://127.0.0.1:\(port)" }

    /// The heads of all requests so far.
    public var requests: [String] { received.heads.withLock { $0 } }
}
