import COpenSSL
import Glibc
package import System

/// An `SSL`: one connection's encryption over its non-blocking descriptor. Used by one thread.
package final class TLSSession {
    private let handle: OpaquePointer
    private let descriptor: Int32
    private let isServer: Bool
    package let peer: PeerAddress
    private var hasBegun = false
    private var helloBound = ClientHelloBound()
    private var isEstablished = false
    private var hasFailed = false
    /// The peer's fault, if any. Going away is not one.
    package private(set) var peerError: String?
    /// The fault in the peer's certificate, if the handshake failed because of it.
    package private(set) var distrust: String?
    /// The `errno` of a failed system call; 0 if none has failed.
    package private(set) var systemError: Int32 = 0
    /// Reading must wait for the socket to take bytes, or writing for bytes to arrive.
    package private(set) var readWantsWrite = false
    package private(set) var writeWantsRead = false

    /// The progress of a handshake.
    package enum Handshake {
        case done
        case wantsRead
        case wantsWrite
        /// The client speaks plain HTTP.
        case plainHTTP
        case failed
    }

    /// The most records without data (key updates, requests to renegotiate, empty ones) in a row;
    /// BoringSSL allows as many.
    private static let emptyRecords = 32

    private init?(_ context: TLSContext, _ descriptor: Int32, isServer: Bool) {
        guard let handle = SSL_new(context.handle) else { return nil }
        guard SSL_set_fd(handle, descriptor) == 1 else {
            SSL_free(handle)
            return nil
        }
        self.handle = handle
        self.descriptor = descriptor
        self.isServer = isServer
        peer = PeerAddress(of: descriptor)
    }

    /// Creates the server's side of a connection; nil if memory has run out.
    package static func accepting(_ context: TLSContext, descriptor: Int32) -> TLSSession? {
        guard let session = TLSSession(context, descriptor, isServer: true) else { return nil }
        SSL_set_accept_state(session.handle)
        session.watchHandshake()
        return session
    }

    /// Creates the client's side of a connection.
    ///
    /// - Parameter host: a name or a numeric address, which must match the server's certificate.
    /// - Throws: if `host` cannot be a server's name, or memory has run out.
    package static func connecting(
        _ context: TLSContext, descriptor: Int32, to host: String
    ) throws(TLSError) -> TLSSession {
        guard let session = TLSSession(context, descriptor, isServer: false) else {
            throw TLSError("make a TLS session", reason: "out of memory")
        }
        let handle = session.handle
        // RFC 6066, 3: a name is sent, an address is not. The certificate must match either one.
        if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(handle), host) != 1 {
            guard SSL_set1_host(handle, host) == 1, copenssl_name_server(handle, host) == 1 else {
                throw TLSError("connect", reason: "'\(host)' cannot be the name of a TLS server")
            }
        }
        SSL_set_connect_state(handle)
        return session
    }

    deinit { SSL_free(handle) }

    /// The names in the client's certificate: the subject's common names, and the DNS names and
    /// URIs among its alternative names. Empty until OpenSSL has verified it.
    package private(set) lazy var clientNames: [[UInt8]] = {
        guard isEstablished, SSL_get_verify_result(handle) == Int(X509_V_OK),
            let certificate = SSL_get1_peer_certificate(handle)
        else { return [] }
        defer { X509_free(certificate) }
        var names: [[UInt8]] = []
        withUnsafeMutablePointer(to: &names) { names in
            copenssl_certificate_names(certificate, names) { names, bytes, count in
                let name = UnsafeBufferPointer(start: bytes, count: Int(count))
                names?.assumingMemoryBound(to: [[UInt8]].self).pointee.append(Array(name))
            }
        }
        return names
    }()

    /// Continues the handshake.
    package func handshake() -> Handshake {
        if isServer, !hasBegun {
            switch peekFirstByte() {
            case .bytes(let byte) where Self.beginsRequest(byte): return .plainHTTP
            case .bytes: hasBegun = true
            case .wouldBlock: return .wantsRead
            case .ended, .failed: return .failed
            }
        }
        // SSL_get_error(3): the queue "must be empty before the TLS/SSL I/O operation is attempted".
        ERR_clear_error()
        let result = SSL_do_handshake(handle)
        guard result != 1 else {
            isEstablished = true
            BIO_set_callback_ex(SSL_get_rbio(handle), nil)
            copenssl_reset_record_count(handle)
            return .done
        }
        switch SSL_get_error(handle, result) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case let error:
            fail(error)
            // A certificate check failed, and OpenSSL's reason does not say which.
            let verdict = SSL_get_verify_result(handle)
            if verdict != Int(X509_V_OK), let text = X509_verify_cert_error_string(verdict) {
                distrust = String(cString: text)
                if isServer { peerError = "the client's certificate: \(String(cString: text))" }
            }
            return .failed
        }
    }

    /// Examines what is read during the handshake before OpenSSL sees it.
    private func watchHandshake() {
        let socket = SSL_get_rbio(handle)
        // Unretained: the BIO lives no longer than the session.
        let session = Unmanaged.passUnretained(self).toOpaque()
        BIO_set_callback_arg(socket, session.assumingMemoryBound(to: CChar.self))
        BIO_set_callback_ex(socket) { socket, operation, bytes, _, _, _, result, count in
            guard operation == BIO_CB_READ | BIO_CB_RETURN, result > 0, let count,
                let session = BIO_get_callback_arg(socket)
            else { return Int(result) }
            let read = UnsafeRawBufferPointer(start: bytes, count: count.pointee)
            let isAdmitted = Unmanaged<TLSSession>.fromOpaque(session).takeUnretainedValue()
                .admits(read)
            return isAdmitted ? Int(result) : -1
        }
    }

    private func admits(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for byte in bytes where !helloBound.admits(byte) {
            // Later, with TLS 1.2, encrypted messages have the same type.
            let state = SSL_get_state(handle)
            guard state == TLS_ST_BEFORE || state == TLS_ST_EARLY_DATA else { continue }
            peerError = "a ClientHello of more than \(ClientHelloBound.maxBytes) bytes"
            return false
        }
        return true
    }

    /// Reads the first byte without consuming it.
    private func peekFirstByte() -> SocketOutcome {
        var byte: UInt8 = 0
        let count = retryingInterrupts { recv(descriptor, &byte, 1, Int32(MSG_PEEK)) }
        if count > 0 { return .bytes(Int(byte)) }
        if count == 0 { return .ended }
        return errno == EAGAIN || errno == EWOULDBLOCK ? .wouldBlock : .failed
    }

    /// True for a method or an empty line; a handshake begins with a control byte.
    private static func beginsRequest(_ byte: Int) -> Bool {
        (0x21...0x7E).contains(byte) || byte == 0x0D || byte == 0x0A
    }

    /// Reads the bytes that have arrived.
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> SocketOutcome {
        ERR_clear_error()
        readWantsWrite = false
        var count = 0
        guard SSL_read_ex(handle, buffer.baseAddress, buffer.count, &count) != 1 else {
            copenssl_reset_record_count(handle)
            return .bytes(count)
        }
        switch SSL_get_error(handle, 0) {
        case SSL_ERROR_WANT_READ: break
        case SSL_ERROR_WANT_WRITE: readWantsWrite = true
        case SSL_ERROR_ZERO_RETURN: return .ended
        case let error:
            fail(error)
            return .failed
        }
        guard copenssl_record_count(handle) <= Self.emptyRecords else {
            peerError = "too many records without data"
            return .failed
        }
        return .wouldBlock
    }

    /// Writes record by record until the socket takes no more.
    package func send(_ bytes: UnsafeRawBufferPointer) -> SocketOutcome {
        writeWantsRead = false
        var sent = 0
        while sent < bytes.count {
            ERR_clear_error()
            var count = 0
            guard
                SSL_write_ex(handle, bytes.baseAddress! + sent, bytes.count - sent, &count) != 1
            else {
                sent += count
                continue
            }
            switch SSL_get_error(handle, 0) {
            case SSL_ERROR_WANT_WRITE: break
            case SSL_ERROR_WANT_READ: writeWantsRead = true
            case let error:
                fail(error)
                return .failed
            }
            return sent > 0 ? .bytes(sent) : .wouldBlock
        }
        return .bytes(sent)
    }

    /// True if bytes are buffered inside, which epoll does not know about.
    package var hasBuffered: Bool { SSL_has_pending(handle) == 1 }

    /// Tells the peer once that no more will come.
    package func finishSending() {
        // SSL_shutdown(3): not "if a previous fatal error has occurred on a connection".
        guard isEstablished, !hasFailed else { return }
        isEstablished = false
        ERR_clear_error()
        // Its result does not matter, because the socket closes next anyway.
        SSL_shutdown(handle)
    }

    /// Makes the peer see that the data is incomplete: `finishSending` does nothing from now on.
    package func breakOff() { isEstablished = false }

    private func fail(_ error: Int32) {
        let code = errno
        hasFailed = true
        let reason = TLSError.takeReason()
        if error == SSL_ERROR_SYSCALL { systemError = code }
        if error == SSL_ERROR_SSL { peerError = reason }
    }
}
