import Glibc
import Testing

/// A client's TCP connection. Calls block; a wait longer than any needed here ends in an error.
final class Client {
    private(set) var descriptor: Int32
    private var received: [UInt8] = []
    private var sentCount: UInt64 = 0
    private let serverPort: UInt16
    /// The TLS session, once the handshake is done.
    private(set) var tls: TLSClient?

    /// An error on the client's side.
    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ action: String) {
            description = "\(action): \(String(cString: strerror(errno)))"
        }
    }

    /// Far longer than any wait here, however busy the machine.
    static let patienceSeconds = 60

    /// Connects to `port` of this machine.
    ///
    /// - Parameter isNarrow: true for small buffers between server and client, so that writes block
    ///   soon.
    init(port: UInt16, isNarrow: Bool = false) throws {
        serverPort = port
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure("socket") }
        var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        if isNarrow {
            // Small segments keep the server's send buffer small too.
            setOption(Int32(IPPROTO_TCP), TCP_MAXSEG, 536)
            setOption(SOL_SOCKET, SO_RCVBUF, 4096)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let failure = Failure("connect")
            close()
            throw failure
        }
    }

    deinit { close() }

    /// Performs the handshake up to the end of the client's part.
    func startTLS(_ tls: TLSClient) throws {
        var flight = try tls.handshake()
        while true {
            sendAsIs(flight)
            if tls.isEstablished { break }
            let received = try receiveAsIs()
            guard !received.isEmpty else { throw TLSClient.Failure("the end in the handshake") }
            flight = try tls.handshake(received)
        }
        self.tls = tls
    }

    private func setOption(_ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    // MARK: Sending

    func send(_ text: String) { send(Array(text.utf8)) }

    /// Sends all of `bytes`. If the server has closed, reading reports why.
    func send(_ bytes: some Collection<UInt8>) {
        sendAsIs(tls?.encrypt(Array(bytes)) ?? Array(bytes))
    }

    /// Sends bytes outside TLS.
    func sendAsIs(_ bytes: [UInt8]) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(
                    descriptor, buffer.baseAddress! + offset, buffer.count - offset,
                    Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            offset += count
            sentCount += UInt64(count)
        }
    }

    func finishSending() {
        if let tls { sendAsIs(tls.closeNotify()) }
        finishSendingAsIs()
    }

    /// Closes the sending side of the TCP connection without a TLS alert.
    func finishSendingAsIs() { shutdown(descriptor, Int32(SHUT_WR)) }

    func close() {
        guard descriptor >= 0 else { return }
        _ = Glibc.close(descriptor)
        descriptor = -1
    }

    /// Closes with RST instead of FIN, like a crash of the client's machine.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    // MARK: Receiving

    /// Reads the next answer that is not interim.
    func readAnswer(answersHead: Bool = false) throws -> Answer {
        while true {
            let answer = try readInterimOrFinalAnswer(answersHead: answersHead)
            if answer.code >= 200 { return answer }
        }
    }

    func readInterimOrFinalAnswer(answersHead: Bool = false) throws -> Answer {
        while true {
            if let (answer, length) = try Answer.read(received[...], answersHead: answersHead) {
                received.removeFirst(length)
                return answer
            }
            guard try receive() else {
                throw Answer.Malformed(description: "the end after \(received.count) bytes")
            }
        }
    }

    /// Reads until the server closes, and returns the bytes.
    func readToEnd() throws -> [UInt8] {
        while try receive() {}
        defer { received = [] }
        return received
    }

    /// True if the server has closed and nothing is left to read.
    func isAtEnd() throws -> Bool {
        while received.isEmpty {
            if try !receive() { return true }
        }
        return false
    }

    /// True if the server ends the connection, possibly by a reset, after any last bytes.
    func losesConnection() -> Bool {
        do {
            _ = try readToEnd()
            return true
        } catch {
            return errno == ECONNRESET
        }
    }

    /// Receives bytes; false at the end.
    private func receive() throws -> Bool {
        let bytes = try receiveAsIs()
        guard let tls else {
            received += bytes
            return !bytes.isEmpty
        }
        // RFC 9112, 9.8: "Servers MUST attempt to initiate an exchange of closure alerts with the
        // client before closing the connection."
        guard !bytes.isEmpty || tls.hasPeerClosed else { throw TLSClient.Failure("a bare end") }
        received += try tls.decrypt(bytes)
        return !bytes.isEmpty
    }

    /// The next bytes, outside TLS; empty at the end.
    func receiveAsIs() throws -> [UInt8] {
        try withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            guard count >= 0 else { throw Failure("receive") }
            return Array(buffer[..<count])
        }
    }

    /// The next bytes, outside TLS, at most `most`, without waiting.
    func receiveSome(_ most: Int) throws -> [UInt8] {
        try withUnsafeTemporaryAllocation(byteCount: most, alignment: 1) { buffer in
            let count = recv(descriptor, buffer.baseAddress, most, Int32(MSG_DONTWAIT))
            guard count >= 0 else { throw Failure("receive") }
            return Array(buffer[..<count])
        }
    }

    /// True if something can be read without waiting.
    var hasInput: Bool { waitForInput(milliseconds: 0) }

    /// Waits for something to read, or the end.
    func waitForInput(milliseconds: Int32) -> Bool {
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&state, 1, milliseconds) == 1
    }

    // MARK: The server's side

    /// Waits until the server has read everything that was sent. The server's descriptors are in
    /// this process too, so the kernel can be asked what it still holds for them.
    func awaitRead() throws {
        var serverSide: Int32?
        try eventually("the server reads") {
            if serverSide == nil { serverSide = findServerSide() }
            // Not accepted yet. Or closed long ago, if this side has seen an end.
            guard let serverSide else { return !Descriptors.isEstablished(descriptor) }
            guard isServerSide(serverSide) else { return true }
            var unread: Int32 = 0
            return Descriptors.receivedCount(serverSide) >= sentCount
                && (ioctl(serverSide, UInt(FIONREAD), &unread) != 0 || unread == 0)
        }
    }

    private func findServerSide() -> Int32? {
        Descriptors.open.first { isServerSide($0) }
    }

    private func isServerSide(_ candidate: Int32) -> Bool {
        Descriptors.localPort(candidate) == serverPort
            && Descriptors.peerPort(candidate) == Descriptors.localPort(descriptor)
    }
}
