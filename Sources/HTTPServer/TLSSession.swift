import COpenSSL

/// An `SSL`: one connection's encryption, over its descriptor. Lives on one event loop.
final class TLSSession {
    private let handle: OpaquePointer
    private var hasFailed = false
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

    /// nil when memory has run out.
    init?(_ context: TLSContext, descriptor: Int32) {
        guard let handle = SSL_new(context.handle) else { return nil }
        guard SSL_set_fd(handle, descriptor) == 1 else {
            SSL_free(handle)
            return nil
        }
        self.handle = handle
        SSL_set_accept_state(handle)
    }

    deinit { SSL_free(handle) }

    /// Goes on with the handshake.
    func handshake() -> Handshake {
        // SSL_get_error(3): the queue "must be empty before the TLS/SSL I/O operation is attempted".
        ERR_clear_error()
        let result = SSL_do_handshake(handle)
        guard result != 1 else { return .done }
        switch SSL_get_error(handle, result) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        default:
            hasFailed = true
            let isPlain = copenssl_is_plain_http(ERR_peek_error()) == 1
            return isPlain ? .plainHTTP : .failed
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transport.Outcome {
        ERR_clear_error()
        readWantsWrite = false
        var count = 0
        guard SSL_read_ex(handle, buffer.baseAddress, buffer.count, &count) != 1 else {
            return .bytes(count)
        }
        switch SSL_get_error(handle, 0) {
        case SSL_ERROR_WANT_READ: return .wouldBlock
        case SSL_ERROR_WANT_WRITE:
            readWantsWrite = true
            return .wouldBlock
        case SSL_ERROR_ZERO_RETURN: return .ended
        default:
            hasFailed = true
            return .failed
        }
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
            default:
                hasFailed = true
                return .failed
            }
            return sent > 0 ? .bytes(sent) : .wouldBlock
        }
        return .bytes(sent)
    }

    /// Whether bytes wait inside, of which epoll knows nothing.
    var hasBuffered: Bool { SSL_has_pending(handle) == 1 }

    /// Tells the peer that no more will come.
    func finishSending() {
        // SSL_shutdown(3): not "if a previous fatal error has occurred on a connection".
        guard !hasFailed else { return }
        ERR_clear_error()
        // What it returns does not matter: the socket's own end follows in any case.
        SSL_shutdown(handle)
    }
}
