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
    /// The whole body; empty when there is none.
    public let body: UnsafeRawBufferPointer
    /// Which event loop this is, counted from 0: handlers keep what they own alone per loop.
    public let loopIndex: Int

    let head: RequestHead
    let headBytes: UnsafeRawBufferPointer
    let connection: Connection

    /// The value of the first field called `name`, which must be in lower case.
    public func header(_ name: StaticString) -> UnsafeRawBufferPointer? {
        for field in head.fields where headBytes.slice(field.name).equalsIgnoringCase(name) {
            return headBytes.slice(field.value)
        }
        return nil
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

    /// Puts the answer off: the handler returns without one, and whoever holds the result gives it,
    /// from any thread.
    public func postpone() -> PendingResponse {
        connection.postpone()
    }
}
