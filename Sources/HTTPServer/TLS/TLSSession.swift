import COpenSSL
import Glibc
import System

/// An `SSL`: one connection's encryption, over its descriptor. Lives on one event loop.
final class TLSSession {
    private let handle: OpaquePointer
    private let descriptor: Int32
    let peer: PeerAddress
    private var hasBegun = false
    private var helloBound = ClientHelloBound()
    private var isEstablished = false
    private var hasFailed = false
    /// What the client did wrong, once it has. One that has just gone has done nothing wrong.
    private(set) var clientError: String?
    /// Reading needs the socket to take bytes first, or writing needs bytes to come first.
    private(set) var readWantsWrite = false
    private(set) var writeWantsRead = false

    enum Handshake {
        case done
        case wantsRead
        case wantsWrite
        /// The client speaks plain HTTP.
        case plainHTTP
        case failed
    }

    /// Records without data (key updates, requests to renegotiate, empty ones) that may come in a
    /// row; BoringSSL allows as many.
    private static let emptyRecords = 32

    /// nil when memory has run out.
    init?(_ context: TLSContext, descriptor: Int32) {
        guard let handle = SSL_new(context.handle) else { return nil }
        guard SSL_set_fd(handle, descriptor) == 1 else {
            SSL_free(handle)
            return nil
        }
        self.handle = handle
        self.descriptor = descriptor
        peer = PeerAddress(of: descriptor)
        SSL_set_accept_state(handle)
        watchHandshake()
    }

    deinit { SSL_free(handle) }

    /// The names in the certificate that the client has shown: the subject's common names, and the DNS names and URIs
    /// among its alternative names. There are none before OpenSSL has found it good.
    private(set) lazy var clientNames: [[UInt8]] = {
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

    /// Goes on with the handshake.
    func handshake() -> Handshake {
        if !hasBegun {
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
            // A check of ours that failed: which one, OpenSSL's reason does not say.
            let verdict = SSL_get_verify_result(handle)
            if verdict != Int(X509_V_OK), let text = X509_verify_cert_error_string(verdict) {
                clientError = "the client's certificate: \(String(cString: text))"
            }
            return .failed
        }
    }

    /// Has what is read during the handshake looked at before OpenSSL sees it.
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
            // Later, with TLS 1.2, encrypted messages are of the same type.
            let state = SSL_get_state(handle)
            guard state == TLS_ST_BEFORE || state == TLS_ST_EARLY_DATA else { continue }
            clientError = "a ClientHello of more than \(ClientHelloBound.maxBytes) bytes"
            return false
        }
        return true
    }

    /// The first byte, left where it is.
    private func peekFirstByte() -> Transport.Outcome {
        var byte: UInt8 = 0
        let count = retryingInterrupts { recv(descriptor, &byte, 1, Int32(MSG_PEEK)) }
        if count > 0 { return .bytes(Int(byte)) }
        if count == 0 { return .ended }
        return errno == EAGAIN || errno == EWOULDBLOCK ? .wouldBlock : .failed
    }

    /// A request begins with a method or an empty line, a handshake with a control byte.
    private static func beginsRequest(_ byte: Int) -> Bool {
        (0x21...0x7E).contains(byte) || byte == 0x0D || byte == 0x0A
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transport.Outcome {
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
            clientError = "too many records without data"
            return .failed
        }
        return .wouldBlock
    }

    /// Writes record by record until the socket takes no more.
    func send(_ bytes: UnsafeRawBufferPointer) -> Transport.Outcome {
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

    /// Whether bytes wait inside, of which epoll knows nothing.
    var hasBuffered: Bool { SSL_has_pending(handle) == 1 }

    /// Tells the peer that no more will come, once.
    func finishSending() {
        // SSL_shutdown(3): not "if a previous fatal error has occurred on a connection".
        guard isEstablished, !hasFailed else { return }
        isEstablished = false
        ERR_clear_error()
        // What it returns does not matter: the socket's own end follows in any case.
        SSL_shutdown(handle)
    }

    /// Has the peer see that what was sent is not whole: no `finishSending` from now on.
    func breakOff() { isEstablished = false }

    private func fail(_ error: Int32) {
        hasFailed = true
        let reason = TLSError.takeReason()
        if error == SSL_ERROR_SSL { clientError = reason }
    }
}
