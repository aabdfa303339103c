@testable import HTTPServer

/// The result of the parser and the decoder on a stream of bytes, without sockets and routes:
/// requests, then an end.
struct Understanding: Equatable {
    struct Message: Equatable {
        var method: HTTPMethod?
        var target: [UInt8] = []
        var fields: [[UInt8]] = []
        var framing = RequestHead.Framing.none
        var body: [UInt8] = []
        var verdict = Judgement.allow
    }

    /// A `Verdict`, without the parts that cannot be compared.
    enum Judgement: Equatable {
        case run(path: String, parameter: [UInt8])
        case allow
        case refuse(HTTPStatus)

        init(_ verdict: Verdict.Outcome) {
            switch verdict {
            case .run(let route, let parameter):
                self = .run(path: route.path, parameter: parameter)
            case .allow: self = .allow
            case .refuse(let error, _): self = .refuse(error.status)
            }
        }
    }

    enum End: Equatable {
        /// Between two requests.
        case atRest
        /// Within a request.
        case incomplete
        /// After a request that ends the connection.
        case closed
        case refused(HTTPStatus)
    }

    private(set) var messages: [Message] = []
    private(set) var end = End.atRest

    private static let router = Router(
        [(.get, "/"), (.post, "/echo"), (.get, "/items/{id}")].map { method, path in
            Route(method, path, summary: "", statuses: [], bodyLimit: 1000) { _, _ in }
        })

    /// Feeds `pieces` one after another, like reads from a socket.
    init(_ pieces: [ArraySlice<UInt8>], limits: HTTPLimits = HTTPLimits()) {
        var reader = Reader(limits: limits)
        for piece in pieces where !reader.isOver { reader.feed(piece) }
        messages = reader.messages
        end = reader.end
    }

    /// Drives parser and decoder like a connection.
    private struct Reader {
        let limits: HTTPLimits
        var messages: [Message] = []
        var error: HTTPError?
        var isClosed = false
        private var parser = RequestParser()
        private var decoder: BodyDecoder?
        private var pending: [UInt8] = []

        init(limits: HTTPLimits) { self.limits = limits }

        var isOver: Bool { error != nil || isClosed }

        var end: End {
            if let error { return .refused(error.status) }
            if isClosed { return .closed }
            return decoder == nil && pending.isEmpty && !parser.hasStarted ? .atRest : .incomplete
        }

        mutating func feed(_ piece: ArraySlice<UInt8>) {
            // An array of only these bytes, so that an address sanitizer sees a read beyond them.
            pending = pending + piece
            do throws(HTTPError) {
                while !isClosed, try step() {}
            } catch {
                self.error = error
                // The part of a refused body that came before depends on the pieces.
                if decoder != nil { messages[messages.count - 1].body = [] }
            }
        }

        /// Takes a head or a piece of a body; false if more bytes are needed.
        private mutating func step() throws(HTTPError) -> Bool {
            guard var current = decoder else { return try parseHead() }
            var body: [UInt8] = []
            let taken = try pending.span.withUnsafeBytes { bytes throws(HTTPError) in
                try current.decode(bytes, limits: limits) { piece in body.append(contentsOf: piece)
                }
            }
            pending.removeFirst(taken)
            messages[messages.count - 1].body += body
            decoder = current
            guard current.isDone else { return false }
            finishMessage()
            return true
        }

        private mutating func parseHead() throws(HTTPError) -> Bool {
            guard !pending.isEmpty else { return false }
            let received = pending
            let progress = try received.span.withUnsafeBytes { bytes throws(HTTPError) in
                try parser.parse(bytes, limits: limits)
            }
            guard case .complete(let end) = progress else { return false }
            var message = Message(method: parser.head.method, framing: parser.head.framing)
            if case .path(let path, let query) = parser.head.target {
                message.target = Array(pending[path])
                if let query { message.target += Array("?".utf8) + pending[query] }
            }
            message.fields = parser.head.fields.map { field in
                Array(pending[field.name]) + Array(":".utf8) + pending[field.value]
            }
            message.verdict = received.withUnsafeBytes { bytes in
                Judgement(Verdict(parser.head, bytes, router: Understanding.router).outcome)
            }
            messages.append(message)
            pending.removeFirst(end)
            if message.framing == .none {
                finishMessage()
            } else {
                decoder = BodyDecoder(message.framing)
            }
            return true
        }

        private mutating func finishMessage() {
            isClosed = !parser.head.keepsAlive
            parser.reset()
            decoder = nil
        }
    }
}
