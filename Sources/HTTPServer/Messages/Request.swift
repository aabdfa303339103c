import System

/// A request as its handler sees it. It views the connection's buffers: valid during the handler's
/// call only.
public struct Request {
    /// HEAD comes to a GET handler as `get`.
    public let method: HTTPMethod
    /// The path as it was sent, percent-encoded.
    public let path: UnsafeRawBufferPointer
    /// What stands behind `?`, percent-encoded; nil when there is no `?`.
    public let query: UnsafeRawBufferPointer?
    /// The decoded path segment that the route's `{name}` stands for.
    public let parameter: [UInt8]
    /// The whole body; empty when there is none, or when it is still to come.
    public let body: UnsafeRawBufferPointer
    /// Whether the body is handed over piece by piece, by `receiveBody`.
    public let isBodyToCome: Bool
    /// The body's length in bytes, where the request tells it beforehand.
    public var contentLength: Int? {
        if case .length(let length) = head.framing { length } else { nil }
    }

    /// Which event loop this is, counted from 0: handlers keep what they own alone per loop.
    public let loopIndex: Int

    /// The thread of that event loop, for work to come.
    public var loopThread: LoopThread { LoopThread(loop: connection.loop) }

    /// What the server has counted so far.
    public var serverFigures: ServerFigures { connection.loop.server.figures }

    let head: RequestHead
    let headBytes: UnsafeRawBufferPointer
    let connection: Connection

    /// The value of the first field called `name`, which must be in lower case.
    public func header(_ name: StaticString) -> UnsafeRawBufferPointer? {
        head.value(of: name, in: headBytes)
    }

    /// All header lines in order, as this server understood them.
    public var headers: [(name: String, value: String)] {
        head.fields.map { field in
            (
                String(decoding: headBytes.slice(field.name), as: UTF8.self),
                String(decoding: headBytes.slice(field.value), as: UTF8.self)
            )
        }
    }

    /// Who asks, as a number: of its token or certificate, else of its address. Clients are given
    /// equal shares of what they have to share by it.
    public var client: UInt64 {
        connection.admission?.client ?? PeerAddress(of: connection.transport.descriptor).network
    }

    /// Has `body` called, on the event loop, when the client goes before it has had the whole answer:
    /// what is still done for it can stop. Ending its side counts as going.
    public func whenGone(_ body: @escaping @Sendable () -> Void) { connection.onGone = body }

    /// Tells, on any thread and at any time, whether the client may still have this done.
    public var isStillAdmitted: @Sendable () -> Bool {
        guard let access = connection.access, let admission = connection.admission,
            let requirement = connection.route?.requirement
        else { return { true } }
        return { access.renew(admission, for: requirement) != nil }
    }

    /// Whether the client may do what has this `requirement`, which is more than the route asks for.
    public func isAdmitted(for requirement: Requirement) -> Bool {
        guard let access = connection.access else { return true }
        return connection.admission.map { access.allows($0, requirement) } ?? false
    }

    /// Puts the answer off: the handler returns without one, and whoever holds the result gives it,
    /// from any thread.
    public func postpone() -> PendingResponse {
        connection.postpone()
    }

    /// What a receiver is given of a body.
    public enum BodyPart {
        /// The next bytes, valid during the call only.
        case piece(UnsafeRawBufferPointer)
        /// The body is whole.
        case end
        /// The rest does not come, for this reason. The answer is to give it, and ends the connection.
        case cut(HTTPError)
    }

    /// Whether a receiver takes more.
    public enum Readiness: Sendable {
        /// The body must come at its least speed.
        case ready
        /// Between two items of the body: the client may pause.
        case idle
        /// No more, until `PendingResponse.receiveMore`; up to 64 KiB that have been read already
        /// may come all the same.
        case full
    }

    /// Takes a body piece by piece, on the event loop; must not wait. Let go of when the client has
    /// gone; the last of several calls tells whether it takes more.
    public typealias BodyReceiver = (BodyPart) -> Readiness

    /// Has the body that is still to come handed to `receiver`, and puts the answer off. It may be
    /// given before the body has ended.
    ///
    /// - Parameter readiness: that of the receiver at the beginning.
    public func receiveBody(
        readiness: Readiness = .ready, _ receiver: @escaping BodyReceiver
    ) -> PendingResponse {
        connection.receiveBody(readiness, receiver)
    }
}
