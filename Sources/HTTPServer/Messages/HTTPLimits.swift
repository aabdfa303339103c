import System

/// The bounds on one connection; docs/limits.md lists them with their flags.
public struct HTTPLimits: Sendable {
    /// A method's name, in bytes.
    public var methodBytes = 32
    /// A request target, in bytes; more is a 414.
    public var targetBytes = 8 * 1024
    /// All field lines of a header section, or of trailers, in bytes; more is a 431.
    public var headerBytes = 16 * 1024
    /// Field lines in a header section, or in trailers; more is a 431.
    public var headerFields = 100
    /// A chunk's size line with its extensions, in bytes; more is a 400.
    public var chunkLineBytes = 4 * 1024
    /// What a chunked body may have beyond its data, in bytes; more is a 400. Each chunk has
    /// `freeChunkBytes` free of it, and twice its data: a stream with short extensions never comes
    /// here, one that is extensions mainly does.
    public var chunkOverheadBytes = 16 * 1024
    /// What is read and thrown away of a body that nobody wants, in bytes, before the connection is
    /// closed instead.
    public var drainBytes = 64 * 1024
    /// Unsent answers, in bytes, above which a connection is not read from.
    public var outputBytes = 256 * 1024
    /// Bytes in the buffers of all connections together: bodies being received, answers not yet
    /// taken. Who makes it more gets a 503, or is closed.
    public var bufferedBytes = 128 * 1024 * 1024
    /// Requests answered on one connection in one wake-up.
    public var requestsPerWake = 16
    /// The time to receive a header, from its first byte on.
    public var headerTimeout: Duration = .seconds(10)
    /// The time after which a body must have kept to `bodyBytesPerSecond`.
    public var bodyGrace: Duration = .seconds(10)
    /// The slowest that a body may come, in bytes a second.
    public var bodyBytesPerSecond = 1024
    /// How long a connection may rest between two requests.
    public var idleTimeout: Duration = .seconds(75)
    /// How long a client may take no byte of an answer.
    public var writeTimeout: Duration = .seconds(30)
    /// How long a client may take no byte of an answer that is made piece by piece.
    public var streamWriteTimeout: Duration = .seconds(300)
    /// The time in which a client must have taken an answer at `answerBytesPerSecond`. Only time in which there is
    /// something to take counts; live streams are left out.
    public var answerGrace: Duration = .seconds(300)
    /// The slowest that a client may take an answer, in bytes a second.
    public var answerBytesPerSecond = 1024
    /// How long a body may pause that its receiver takes in items, between two of them.
    public var bodyIdleTimeout: Duration = .seconds(3600)
    /// While the server stops: how long a client may move no byte when it is its turn.
    public var stallTimeout: Duration = .seconds(1)
    /// How long a closed connection is still read from, so that the client gets to read the last
    /// answer.
    public var lingerTimeout: Duration = .seconds(2)

    /// A chunk's part of its overhead that is not counted: a size and a short extension.
    static let freeChunkBytes = 16

    /// The least that must come of a body in each `bodyGrace`, in bytes.
    var leastBodyBytes: Int {
        max(1, Int((Double(bodyBytesPerSecond) * bodyGrace.inSeconds).rounded(.up)))
    }

    /// The least that must be taken of an answer in each `answerGrace`, in bytes.
    var leastAnswerBytes: Int {
        Int((Double(answerBytesPerSecond) * answerGrace.inSeconds).rounded(.up))
    }

    /// Received and not handled, in bytes, above which a connection is not read from: no head, nor
    /// the empty line before it, is longer.
    var pendingBytes: Int {
        max(64 * 1024, methodBytes + targetBytes + headerBytes + 64)
    }

    /// The defaults.
    public init() {}
}
