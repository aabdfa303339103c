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
    /// The bytes a chunked body may have beyond its data; more is a 400. Each chunk gets
    /// `freeChunkBytes` for free, plus twice its data. A stream with short extensions never reaches
    /// the bound; one that is mainly extensions does.
    public var chunkOverheadBytes = 16 * 1024
    /// Bytes of an unwanted body that are read and discarded before the connection is closed
    /// instead.
    public var drainBytes = 64 * 1024
    /// Bytes of unsent answers above which a connection is not read from.
    public var outputBytes = 256 * 1024
    /// Bytes in the buffers of all connections together: bodies being received and answers not yet
    /// taken. A connection that goes over it gets a 503 or is closed.
    public var bufferedBytes = 128 * 1024 * 1024
    /// Requests answered on one connection in one wake-up.
    public var requestsPerWake = 16
    /// The time to receive a header, from its first byte.
    public var headerTimeout: Duration = .seconds(10)
    /// The time after which a body's rate must have reached `bodyBytesPerSecond`.
    public var bodyGrace: Duration = .seconds(10)
    /// The slowest rate at which a body may arrive, in bytes a second.
    public var bodyBytesPerSecond = 1024
    /// The longest that a connection may be idle between two requests.
    public var idleTimeout: Duration = .seconds(75)
    /// The longest that a client may take no byte of an answer.
    public var writeTimeout: Duration = .seconds(30)
    /// The longest that a client may take no byte of an answer that is made piece by piece.
    public var streamWriteTimeout: Duration = .seconds(300)
    /// The time after which an answer must have been taken at `answerBytesPerSecond`. Only time in
    /// which there is something to take counts. Live streams are exempt.
    public var answerGrace: Duration = .seconds(300)
    /// The slowest rate at which a client may take an answer, in bytes a second.
    public var answerBytesPerSecond = 1024
    /// The longest pause between two items of a body that its receiver takes in items.
    public var bodyIdleTimeout: Duration = .seconds(3600)
    /// The longest that a client may move no byte when it is its turn, while the server stops.
    public var stallTimeout: Duration = .seconds(1)
    /// The time that a closed connection is still read from, so that the client can read the last
    /// answer.
    public var lingerTimeout: Duration = .seconds(2)

    /// The part of each chunk's overhead that is not counted: a size and a short extension.
    static let freeChunkBytes = 16

    /// The bytes that must arrive of a body in each `bodyGrace`.
    var leastBodyBytes: Int {
        max(1, Int((Double(bodyBytesPerSecond) * bodyGrace.inSeconds).rounded(.up)))
    }

    /// The bytes that must be taken of an answer in each `answerGrace`.
    var leastAnswerBytes: Int {
        Int((Double(answerBytesPerSecond) * answerGrace.inSeconds).rounded(.up))
    }

    /// Bytes received but not handled above which a connection is not read from. No head is longer,
    /// even with an empty line before it.
    var pendingBytes: Int {
        max(64 * 1024, methodBytes + targetBytes + headerBytes + 64)
    }

    /// Creates the default limits.
    public init() {}
}
