import COpenSSL
import Foundation

/// The client's side of TLS on a connected, blocking socket. It does not check the server's
/// identity.
final class TLSClient {
    private let handle: OpaquePointer

    /// Performs the handshake.
    init(on descriptor: Int32) throws {
        // Sessions share one context.
        guard let context = Self.context, let handle = SSL_new(context) else {
            throw HarnessError("no TLS session")
        }
        self.handle = handle
        SSL_set_fd(handle, descriptor)
        guard SSL_connect(handle) == 1 else { throw HarnessError("no TLS handshake") }
    }

    deinit { SSL_free(handle) }

    nonisolated(unsafe) private static let context = {
        // OpenSSL writes with write(2), which raises it when the server has gone.
        signal(SIGPIPE, SIG_IGN)
        return SSL_CTX_new(TLS_client_method())
    }()

    /// Sends like send(2).
    func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        ERR_clear_error()
        return Int(SSL_write(handle, bytes.baseAddress, Int32(bytes.count)))
    }

    /// Receives like recv(2); 0 only if the server announced the end, not just closed the socket.
    func receive(into buffer: inout [UInt8]) -> Int {
        ERR_clear_error()
        let count = SSL_read(handle, &buffer, Int32(buffer.count))
        guard count <= 0 else { return Int(count) }
        return SSL_get_error(handle, count) == SSL_ERROR_ZERO_RETURN ? 0 : -1
    }
}
