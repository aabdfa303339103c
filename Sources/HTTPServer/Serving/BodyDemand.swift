/// Makes an answer's body piece by piece. Called on the event loop each time the client has taken
/// all earlier pieces; must not block. It is released when the client has gone.
public typealias BodySource = @Sendable (BodyDemand) -> Void

/// A request for the next piece of a body, to be answered once, from any thread. If the client has
/// gone, the piece is dropped.
///
/// A piece stays in memory until the client has taken it; about 64 KiB is a good size.
public struct BodyDemand: Sendable {
    let loop: EventLoop
    let token: UInt64
    let number: UInt64

    /// Sends `bytes`. The source is called again when the client has taken them.
    public func send(_ bytes: [UInt8]) {
        give { [number] in $0.sendPiece(number, bytes, isLast: false) }
    }

    /// Sends `bytes` and ends the body.
    public func finish(_ bytes: [UInt8] = []) {
        give { [number] in $0.sendPiece(number, bytes, isLast: true) }
    }

    /// Breaks off the connection so that the client sees that the body is incomplete.
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
