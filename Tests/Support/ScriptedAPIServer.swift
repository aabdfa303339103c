import Foundation
import Synchronization
import System
import TLS

/// An API server whose answers a test gives, request by request, over real sockets: also those that
/// no real server gives.
public final class ScriptedAPIServer: Sendable {
    private let port: UInt16
    private let listener: Int32
    private let context: TLSContext?
    private let arrived = Mutex<[Exchange]>([])
    private let all = Mutex<[Exchange]>([])
    private let isThere = DispatchSemaphore(value: 0)

    /// Longer than anything that does not hang.
    public static let patience = 30

    /// Listens on a free port, with `TestCertificate` if it is secure.
    public init(isSecure: Bool = false) throws {
        context = isSecure ? try TLSContext(TestCertificate.configuration) : nil
        let (listener, port) = loopbackSocket()
        self.listener = listener
        self.port = port
        Thread.detachNewThread { [weak self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0, let server = self else { return }
                Thread.detachNewThread { server.serve(client) }
            }
        }
    }

    deinit { stop() }

    private func stop() {
        // accept(2) does not notice that its socket is closed.
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        for exchange in all.withLock({ $0 }) { exchange.finish() }
    }

    /// Its address.
    public var url: String {
        context == nil ? "http://127.0.0.1:\(port)" : "https://localhost:\(port)"
    }

    /// Takes the next request, which is waited for.
    public func next() throws -> Exchange {
        guard isThere.wait(timeout: .now() + .seconds(Self.patience)) == .success else {
            throw TestFailure("no request came")
        }
        return arrived.withLock { $0.removeFirst() }
    }

    private func serve(_ client: Int32) {
        let connection = Connection(client, context)
        while let head = connection.receiveHead() {
            let exchange = Exchange(head, connection)
            all.withLock { $0.append(exchange) }
            arrived.withLock { $0.append(exchange) }
            isThere.signal()
            exchange.waitForEnd()
        }
    }

    /// A connection; used by the thread that reads requests, and between two of them by the test.
    fileprivate final class Connection: @unchecked Sendable {
        let descriptor: Int32
        private var session: TLSSession?
        private var isClosed = false

        init(_ descriptor: Int32, _ context: TLSContext?) {
            self.descriptor = descriptor
            // A test that sends what nobody takes must not hang.
            var limit = timeval(tv_sec: ScriptedAPIServer.patience, tv_usec: 0)
            setsockopt(
                descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit,
                socklen_t(MemoryLayout<timeval>.size))
            var one: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
            guard let context else { return }
            session = TLSSession.accepting(context, descriptor: descriptor)
            _ = session?.handshake()
        }

        deinit { end() }

        /// Closes the connection, once.
        func end() {
            if !isClosed { close(descriptor) }
            isClosed = true
        }

        /// The head of the next request; nil when no more come.
        func receiveHead() -> String? {
            var head: [UInt8] = []
            while !isClosed, !head.suffix(4).elementsEqual("\r\n\r\n".utf8) {
                var byte: UInt8 = 0
                let outcome = withUnsafeMutableBytes(of: &byte) { buffer in
                    session?.read(into: buffer)
                        ?? .bytes(recv(descriptor, buffer.baseAddress, 1, 0))
                }
                guard case .bytes(1) = outcome else { return nil }
                head.append(byte)
            }
            guard !isClosed else { return nil }
            return String(decoding: head, as: UTF8.self)
        }

        /// Sends all; false when the client is gone.
        @discardableResult
        func send(_ bytes: [UInt8]) -> Bool {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { buffer in
                    if let session {
                        guard case .bytes(let count) = session.send(buffer) else { return -1 }
                        return count
                    }
                    return Glibc.send(
                        descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }

    /// A request, to be answered.
    public final class Exchange: Sendable {
        /// The path and query.
        public let target: String
        private let head: String
        private let connection: Connection
        private let isEnded = DispatchSemaphore(value: 0)

        fileprivate init(_ head: String, _ connection: Connection) {
            self.head = head
            self.connection = connection
            target = head.split(separator: " ").dropFirst().first.map(String.init) ?? ""
        }

        /// The value of a field; nil where it is not there.
        public func field(_ name: String) -> String? {
            head.split(separator: "\r\n").first {
                $0.lowercased().hasPrefix(name.lowercased() + ":")
            }
            .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
        }

        /// The value of a query parameter; nil where it is not there.
        public func parameter(_ name: String) -> String? {
            URLComponents(string: target)?.queryItems?.first { $0.name == name }?.value
        }

        /// Answers with all of a body.
        public func answer(_ body: String, status: Int = 200, fields: [String] = []) {
            let fields = fields + ["Content-Length: \(body.utf8.count)"]
            write(
                "HTTP/1.1 \(status) Text\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n" + body)
            isEnded.signal()
        }

        /// Begins an answer in chunks.
        public func begin() {
            write(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
        }

        /// Sends a chunk; false when the client is gone.
        @discardableResult
        public func send(_ text: String) -> Bool {
            write("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n")
        }

        /// Ends the chunks as the protocol has it; another request may follow.
        public func end() {
            write("0\r\n\r\n")
            isEnded.signal()
        }

        /// Sends bytes as they are.
        @discardableResult
        public func write(_ text: String) -> Bool { connection.send(Array(text.utf8)) }

        /// Sends bytes as they are.
        @discardableResult
        public func write(_ bytes: [UInt8]) -> Bool { connection.send(bytes) }

        /// Sends what the socket takes at once, and says how many bytes that are.
        public func writeWithoutWaiting(_ bytes: ArraySlice<UInt8>) -> Int {
            bytes.withUnsafeBytes { bytes in
                max(
                    0,
                    Glibc.send(
                        connection.descriptor, bytes.baseAddress, bytes.count,
                        Int32(MSG_NOSIGNAL | MSG_DONTWAIT)))
            }
        }

        /// Breaks the connection, so that the client's system tells it of a reset.
        public func reset() {
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(
                connection.descriptor, SOL_SOCKET, SO_LINGER, &linger,
                socklen_t(MemoryLayout<linger>.size))
            connection.end()
            finish()
        }

        /// Waits until the client has closed the connection.
        public func waitForClose() throws {
            var waited = pollfd(fd: connection.descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&waited, 1, Int32(ScriptedAPIServer.patience) * 1000) == 1 else {
                throw TestFailure("the client does not close its connection")
            }
            finish()
        }

        fileprivate func waitForEnd() { isEnded.wait() }

        fileprivate func finish() { isEnded.signal() }
    }
}

/// A test that cannot go on.
public struct TestFailure: Error, CustomStringConvertible {
    /// The reason.
    public let description: String

    /// A reason.
    public init(_ description: String) { self.description = description }
}
