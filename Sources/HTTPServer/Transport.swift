import CLinux
import Glibc

/// A connected, non-blocking socket. Would-block is a value, not an error.
struct Transport {
    enum Outcome {
        case bytes(Int)
        /// Nothing now: the event loop tells when there is.
        case wouldBlock
        /// The peer sends no more.
        case ended
        case failed
    }

    let descriptor: Int32

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        let count = retryingInterrupts { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
        if count > 0 { return .bytes(count) }
        return count == 0 ? .ended : Self.outcome(of: errno)
    }

    /// Sends `bytes`, which are not empty, from `offset` on.
    func send(_ bytes: [UInt8], from offset: Int) -> Outcome {
        let count = bytes.withUnsafeBytes { buffer in
            retryingInterrupts {
                clinux_send(descriptor, buffer.baseAddress! + offset, buffer.count - offset)
            }
        }
        return count >= 0 ? .bytes(count) : Self.outcome(of: errno)
    }

    /// Sends no more; the peer reads what is on its way, then the end.
    func finishSending() {
        // ENOTCONN is all that can come of it: the peer has gone, and reading will say so.
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    func close() {
        // Linux frees the descriptor whatever close returns; EINTR must not be retried.
        let result = Glibc.close(descriptor)
        precondition(
            result == 0 || errno != EBADF, "a connection's descriptor was closed by somebody else")
    }

    private static func outcome(of code: Int32) -> Outcome {
        precondition(code != EBADF, "a connection's descriptor was closed by somebody else")
        return code == EAGAIN || code == EWOULDBLOCK ? .wouldBlock : .failed
    }
}
