/// Makes an answer's body piece by piece: called on the event loop, and must not wait, each time
/// that the client has taken all pieces so far. It is let go of when the client has gone.
public typealias BodySource = @Sendable (BodyDemand) -> Void

/// The wish for the next piece of a body, to be granted once, from any thread. If the client has
/// gone, what it is given is dropped.
///
/// A piece is held in memory until the client has taken it: some 64 KiB are a good size.
public struct BodyDemand: Sendable {
    let loop: EventLoop
    let token: UInt64
    let number: UInt64

    /// Sends `bytes`; the source is asked again when they have been taken.
    public func send(_ bytes: [UInt8]) {
        give { [number] in $0.sendPiece(number, bytes, isLast: false) }
    }

    /// Sends `bytes`, and ends the body.
    public func finish(_ bytes: [UInt8] = []) {
        give { [number] in $0.sendPiece(number, bytes, isLast: true) }
    }

    /// Breaks the connection off, so that the client sees that the body is not whole.
    public func fail() {
        give { [number] in $0.failStream(number) }
    }

    private func give(_ piece: @escaping @Sendable (Connection) -> Void) {
        loop.enqueue { [token] loop in
            if let connection = loop.connection(token) { piece(connection) }
        }
        loop.wake()
    }
}
