import Events
import HTTPClient

/// The reason a server gave no usable answer.
struct ClientError: Error, CustomStringConvertible {
    enum Kind {
        /// No connection, or a broken one: it may work later.
        case unreachable
        /// An answer with an error status.
        case refused(status: Int)
        /// A 400 for a query parameter, which comes from a flag.
        case wrongParameter(QueryError)
        /// Waiting will not help: an untrusted certificate, or an answer that is not HTTP.
        case unusable
    }

    let kind: Kind
    let description: String

    /// True if a retry may succeed: no connection, a server that is full or limits its clients, or
    /// a proxy that did not reach it.
    var isPassing: Bool {
        switch kind {
        case .unreachable: true
        case .refused(let status): [429, 502, 503, 504].contains(status)
        case .wrongParameter, .unusable: false
        }
    }

    static func unreachable(_ description: String) -> ClientError {
        ClientError(kind: .unreachable, description: description)
    }

    static func unusable(_ description: String) -> ClientError {
        ClientError(kind: .unusable, description: description)
    }

    /// Runs `body` and turns its errors into this program's own.
    static func converting<Result>(
        _ body: () throws(HTTPClientError) -> Result
    ) throws(ClientError) -> Result {
        do throws(HTTPClientError) { return try body() } catch { throw ClientError(error) }
    }
}

extension ClientError {
    /// Converts the client's error and adds the flag that helps.
    init(_ error: HTTPClientError) {
        switch error.kind {
        case .timedOut: self = .unreachable("\(error); --timeout waits longer")
        case .untrusted: self = .unusable("\(error); --ca names the authority that signed it")
        case .unreachable: self = .unreachable("\(error)")
        case .unusable, .exposedToken, .cancelled: self = .unusable("\(error)")
        }
    }
}
