import CLinux
import Glibc
import System
import TLS

/// A connected, non-blocking socket, plain or under TLS. Would-block is a value, not an error.
struct Transport {
    let descriptor: Int32
    let session: TLSSession?

    /// True if a TLS read must first write; `writeWantsRead` is the reverse.
    var readWantsWrite: Bool { session?.readWantsWrite ?? false }
    var writeWantsRead: Bool { session?.writeWantsRead ?? false }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> SocketOutcome {
        if let session { return session.read(into: buffer) }
        let count = retryingInterrupts { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
        if count > 0 { return .bytes(count) }
        return count == 0 ? .ended : Self.outcome(of: errno)
    }

    /// Sends `bytes`, which must not be empty, from `offset` on.
    func send(_ bytes: [UInt8], from offset: Int) -> SocketOutcome {
        bytes.withUnsafeBytes { buffer in
            let rest = buffer.slice(offset..<buffer.count)
            return session.map { $0.send(rest) } ?? sendPlain(rest)
        }
    }

    /// Sends outside TLS, if there is any.
    func sendPlain(_ bytes: UnsafeRawBufferPointer) -> SocketOutcome {
        let count = retryingInterrupts { clinux_send(descriptor, bytes.baseAddress, bytes.count) }
        return count >= 0 ? .bytes(count) : Self.outcome(of: errno)
    }

    /// Closes the sending side; the peer reads what is on its way, then the end.
    func finishSending() {
        session?.finishSending()
        // The only possible error is ENOTCONN: the peer has gone, and reading will report that.
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Makes `close` send a reset instead of an orderly end.
    func reset() {
        session?.breakOff()
        var option = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        // If it fails, as for a Unix socket, the missing end of the body still shows it.
        _ = setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, size)
    }

    func close() {
        // RFC 9112, 9.8: "Servers MUST attempt to initiate an exchange of closure alerts with the
        // client before closing the connection."
        session?.finishSending()
        // Linux frees the descriptor whatever close returns; EINTR must not be retried.
        let result = Glibc.close(descriptor)
        precondition(
            result == 0 || errno != EBADF, "a connection's descriptor was closed by somebody else")
    }

    private static func outcome(of code: Int32) -> SocketOutcome {
        precondition(code != EBADF, "a connection's descriptor was closed by somebody else")
        return code == EAGAIN || code == EWOULDBLOCK ? .wouldBlock : .failed
    }
}
