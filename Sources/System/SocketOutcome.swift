/// The outcome of reading from a non-blocking socket or writing to it.
package enum SocketOutcome: Sendable {
    case bytes(Int)
    /// Nothing now; epoll or poll reports when there is.
    case wouldBlock
    /// The peer sends no more.
    case ended
    case failed
}
