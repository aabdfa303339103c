import System

/// A request as its handler sees it: a view of the connection's buffers, valid only during the
/// handler's call.
public struct Request {
    /// The method. A GET handler sees HEAD as `get`.
    public let method: HTTPMethod
    /// The path as sent, percent-encoded.
    public let path: UnsafeRawBufferPointer
    /// The part after `?`, percent-encoded; nil if there is no `?`.
    public let query: UnsafeRawBufferPointer?
    /// The decoded path segment that the route's `{name}` stands for.
    public let parameter: [UInt8]
    /// The whole body; empty if there is none or it has not arrived yet.
    public let body: UnsafeRawBufferPointer
    /// True if `receiveBody` hands over the body piece by piece.
    public let isBodyToCome: Bool
    /// The body's length in bytes, if the request announces it.
    public var contentLength: Int? {
        if case .length(let length) = head.framing { length } else { nil }
    }

    /// The index of this event loop. Handlers use it to keep state for each loop.
    public let loopIndex: Int

    /// The thread of that event loop, for later work.
    public var loopThread: LoopThread { LoopThread(loop: connection.loop) }

    /// The server's counts so far.
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

    /// The client as a number: from its token or certificate, otherwise from its address. Clients
    /// get equal shares of shared resources by this number.
    public var client: UInt64 {
        connection.current.admission?.client
            ?? PeerAddress(of: connection.transport.descriptor).network
    }

    /// Calls `body` on the event loop if the client goes before it has the whole answer, so that
    /// work for it can stop. Closing its sending side counts as going.
    public func whenGone(_ body: @escaping @Sendable () -> Void) {
        connection.current.onGone = body
    }

    /// A check, from any thread at any time, that the client may still have this done.
    public var isStillAdmitted: @Sendable () -> Bool {
        guard let access = connection.service.access,
            let admission = connection.current.admission,
            let requirement = connection.current.route?.requirement
        else { return { true } }
        return { access.renew(admission, for: requirement) != nil }
    }

    /// True if the client also satisfies `requirement`, which is more than the route demands.
    public func isAdmitted(for requirement: Requirement) -> Bool {
        guard let access = connection.service.access else { return true }
        return connection.current.admission.map { access.allows($0, requirement) } ?? false
    }

    /// Postpones the answer: the handler returns without one, and the holder of the result gives it
    /// from any thread.
    public func postpone() -> PendingResponse {
        connection.postpone()
    }

    /// A part of a body as a receiver gets it.
    public enum BodyPart {
        /// The next bytes, valid only during the call.
        case piece(UnsafeRawBufferPointer)
        /// The body is whole.
        case end
        /// The rest will not arrive, for this reason. The answer must give the reason and ends the
        /// connection.
        case cut(HTTPError)
    }

    /// A receiver's readiness to take more.
    public enum Readiness: Sendable {
        /// The body must arrive at its minimum rate.
        case ready
        /// Between two items of the body: the client may pause.
        case idle
        /// No more until `PendingResponse.receiveMore`. Up to 64 KiB that were already read may
        /// still arrive.
        case full
    }

    /// Takes a body piece by piece on the event loop; must not block. It is released when the
    /// client has gone. The last of several calls decides whether it takes more.
    public typealias BodyReceiver = (BodyPart) -> Readiness

    /// Hands the rest of the body to `receiver` and postpones the answer. The answer may be given
    /// before the body has ended.
    ///
    /// - Parameter readiness: the receiver's readiness at the start.
    public func receiveBody(
        readiness: Readiness = .ready, _ receiver: @escaping BodyReceiver
    ) -> PendingResponse {
        connection.receiveBody(readiness, receiver)
    }
}
