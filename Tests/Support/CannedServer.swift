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
        let (listener, port) = loopbackSocket()
        self.listener = listener
        self.port = port
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
