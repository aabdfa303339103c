/// What came of reading from a non-blocking socket, or of writing to it.
package enum SocketOutcome: Sendable {
    case bytes(Int)
    /// Nothing now; epoll or poll tells when there is.
    case wouldBlock
    /// The peer sends no more.
    case ended
    case failed
}
