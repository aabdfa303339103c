import HTTPClient

/// Why a server gave no answer that is of use.
struct ClientError: Error, CustomStringConvertible {
    enum Kind {
        /// No connection, or it broke: it may work later.
        case unreachable
        /// An answer that says no, by its status.
        case refused(status: Int)
        /// It will not work by waiting: no certificate to trust, no HTTP.
        case unusable
    }

    let kind: Kind
    let description: String

    /// Whether the same may succeed later: no connection, a server that has no room or says that it
    /// is asked too often, or a proxy before it that did not reach it.
    var isPassing: Bool {
        switch kind {
        case .unreachable: true
        case .refused(let status): [429, 502, 503, 504].contains(status)
        case .unusable: false
        }
    }

    static func unreachable(_ description: String) -> ClientError {
        ClientError(kind: .unreachable, description: description)
    }

    static func unusable(_ description: String) -> ClientError {
        ClientError(kind: .unusable, description: description)
    }

    /// Runs `body`, whose errors are told as this program's own.
    static func converting<Result>(
        _ body: () throws(HTTPClientError) -> Result
    ) throws(ClientError) -> Result {
        do throws(HTTPClientError) { return try body() } catch { throw ClientError(error) }
    }
}

extension ClientError {
    /// The client's error, with the flag that helps against it.
    init(_ error: HTTPClientError) {
        switch error.kind {
        case .timedOut: self = .unreachable("\(error); --timeout waits longer")
        case .untrusted: self = .unusable("\(error); --ca names who signed it")
        case .unreachable: self = .unreachable("\(error)")
        case .unusable, .exposedToken, .cancelled: self = .unusable("\(error)")
        }
    }
}
