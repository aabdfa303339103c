import COpenSSL
import TLS
import TestSupport
import Testing

/// A client's side of TLS between buffers. The test decides what goes over the wire, and when.
final class TLSClient {
    /// The `SSL`, for operations of a hostile client.
    let handle: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer

    /// The error that libssl found in the server's bytes.
    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ action: String) {
            let reason = ERR_reason_error_string(ERR_peek_last_error())
            description = "\(action): \(reason.map { String(cString: $0) } ?? "no reason")"
            ERR_clear_error()
        }
    }

    private nonisolated(unsafe) static let contexts: [Layer: OpaquePointer] = {
        let versions = [(Layer.tls12, TLS1_2_VERSION), (.tls13, TLS1_3_VERSION)]
        let pairs = versions.map { layer, version in
            let context = SSL_CTX_new(TLS_client_method())!
            SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(version), nil)
            SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
            SSL_CTX_load_verify_file(context, TestCertificate.configuration.certificatePath)
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
            return (layer, context)
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }()

    /// Begins a session of `layer`'s version.
    ///
    /// - Parameter keyShareToRetry: true if its first hello has a key share that the server cannot
    ///   use, so that it asks for another.
    init(_ layer: Layer, keyShareToRetry: Bool = false) {
        handle = SSL_new(Self.contexts[layer]!)
        incoming = BIO_new(BIO_s_mem())
        outgoing = BIO_new(BIO_s_mem())
        SSL_set_bio(handle, incoming, outgoing)
        let protocols = Array("\u{8}http/1.1".utf8)
        SSL_set_alpn_protos(handle, protocols, UInt32(protocols.count))
        // A key share is sent only for the first group.
        let groups = Array("P-521:P-256".utf8CString)
        if keyShareToRetry {
            _ = groups.withUnsafeBytes { groups in
                SSL_ctrl(
                    handle, SSL_CTRL_SET_GROUPS_LIST, 0,
                    UnsafeMutableRawPointer(mutating: groups.baseAddress))
            }
        }
        SSL_set_connect_state(handle)
    }

    deinit { SSL_free(handle) }

    // MARK: Handshake

    /// Continues the handshake as far as `received` allows, and returns the bytes to send.
    func handshake(_ received: [UInt8] = []) throws -> [UInt8] {
        take(received)
        ERR_clear_error()
        let result = SSL_do_handshake(handle)
        guard result == 1 || SSL_get_error(handle, result) == SSL_ERROR_WANT_READ else {
            throw Failure("handshake")
        }
        return takeOutgoing()
    }

    var isEstablished: Bool { SSL_is_init_finished(handle) == 1 }

    // MARK: Data

    /// The records for `bytes`: as few as possible, of at most 16 KiB.
    func encrypt(_ bytes: [UInt8]) -> [UInt8] {
        guard !bytes.isEmpty else { return [] }
        var count = 0
        precondition(SSL_write_ex(handle, bytes, bytes.count, &count) == 1, "memory takes all")
        precondition(count == bytes.count)
        return takeOutgoing()
    }

    /// The data in `received`. Incomplete records wait for the next call.
    func decrypt(_ received: [UInt8]) throws -> [UInt8] {
        take(received)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        var count = 0
        ERR_clear_error()
        while SSL_read_ex(handle, &buffer, buffer.count, &count) == 1 { bytes += buffer[..<count] }
        switch SSL_get_error(handle, 0) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_ZERO_RETURN: return bytes
        default: throw Failure("read")
        }
    }

    /// RFC 8446, 6.1: "Each party MUST send a close_notify alert before closing its write side".
    func closeNotify() -> [UInt8] {
        SSL_shutdown(handle)
        return takeOutgoing()
    }

    /// True if the server has announced its end.
    var hasPeerClosed: Bool { SSL_get_shutdown(handle) & SSL_RECEIVED_SHUTDOWN != 0 }

    /// RFC 8446, 4.6.3: requests a new key of the server as well.
    func keyUpdate() throws -> [UInt8] {
        guard SSL_key_update(handle, SSL_KEY_UPDATE_REQUESTED) == 1 else {
            throw Failure("key update")
        }
        return try handshake()
    }

    private func take(_ received: [UInt8]) {
        guard !received.isEmpty else { return }
        let count = BIO_write(incoming, received, Int32(received.count))
        precondition(count == received.count, "memory takes all")
    }

    func takeOutgoing() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(outgoing))
        guard !bytes.isEmpty else { return [] }
        let count = BIO_read(outgoing, &bytes, Int32(bytes.count))
        precondition(count == bytes.count)
        return bytes
    }
}
