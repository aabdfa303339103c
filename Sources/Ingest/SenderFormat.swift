/// The format of another program's requests, on paths of its own. docs/senders.md says how to add
/// one.
public struct SenderFormat: Sendable {
    /// The name in `GET /ingest`, in metrics, in flags and in the access file.
    public let name: String
    /// The senders, in one sentence.
    public let summary: String
    /// The paths; the first one is where events go.
    public let routes: [SenderRoute]
    /// The content types that its senders announce. The body alone decides what it is.
    public let contentTypes: [String]
    /// A body that is taken as it is.
    public let example: String
    /// The sender's own configuration, with `LOGBOOK` in place of the address.
    public let configuration: String
    /// The answers, for people who wonder about a sender's log.
    public let answers: SenderAnswers
    /// The status of the answer if events are stored.
    public let status: Int
    /// The failures that it answers with.
    public let failures: [SenderFailure.Status]
    /// True if the body is read while it arrives and may have any length; false if it is read once
    /// it is there.
    public let isStream: Bool
    /// True if its answer lists what became of each item.
    public let listsItems: Bool
    /// The header field with the body's signature, `sha256=` and an HMAC in hexadecimal; nil if its
    /// senders sign nothing.
    public let signatureHeader: StaticString?
    /// Reads the requests.
    public let reader: any SenderReader.Type

    /// Describes a format.
    init(
        name: String, summary: String, routes: [SenderRoute], contentTypes: [String],
        example: String, configuration: String, answers: SenderAnswers,
        status: Int = 200, failures: [SenderFailure.Status] = SenderFailure.Status.allCases,
        isStream: Bool = false, listsItems: Bool = false, signatureHeader: StaticString? = nil,
        reader: any SenderReader.Type
    ) {
        self.name = name
        self.summary = summary
        self.routes = routes
        self.contentTypes = contentTypes
        self.example = example
        self.configuration = configuration
        self.answers = answers
        self.status = status
        self.failures = failures
        self.isStream = isStream
        self.listsItems = listsItems
        self.signatureHeader = signatureHeader
        self.reader = reader
    }
}

/// A method on a path of a format.
public struct SenderRoute: Sendable {
    /// The methods that senders use.
    public enum Method: String, Sendable {
        case get = "GET"
        case options = "OPTIONS"
        case post = "POST"
        case put = "PUT"
    }

    /// The method.
    public let method: Method
    /// The path; segments in it may be `{name}`, which stands for any.
    public let path: String
    /// True if it needs no token, because its senders do not have one yet and it reveals nothing.
    public let isOpen: Bool
    /// Reads the requests, if they are not like those of the other routes.
    public let reader: (any SenderReader.Type)?
    /// The answer, if the route takes no events; nil if it does.
    public let answer: (@Sendable (SenderRequest) -> SenderAnswer)?

    init(
        _ method: Method, _ path: String, isOpen: Bool = false,
        reader: (any SenderReader.Type)? = nil,
        answer: (@Sendable (SenderRequest) -> SenderAnswer)? = nil
    ) {
        self.method = method
        self.path = path
        self.isOpen = isOpen
        self.reader = reader
        self.answer = answer
    }
}

/// The answers of a format in words, each with its status.
public struct SenderAnswers: Sendable {
    /// Everything is stored.
    public let stored: String
    /// Some items are not valid.
    public let partlyRefused: String
    /// No item is valid, or the body is malformed.
    public let refused: String
    /// Not now.
    public let unavailable: String
    /// The body is too long.
    public let tooLarge: String

    init(
        stored: String, partlyRefused: String, refused: String,
        unavailable: String = "503 with Retry-After: the sender tries again",
        tooLarge: String = "413: send smaller batches"
    ) {
        self.stored = stored
        self.partlyRefused = partlyRefused
        self.refused = refused
        self.unavailable = unavailable
        self.tooLarge = tooLarge
    }
}

/// A sender's request, without its body.
public struct SenderRequest: Sendable {
    /// The segments that the path's `{name}` stand for, with a slash between two.
    public let parameter: String
    /// The parameters of the query, decoded, in order.
    public let query: [(name: String, value: String)]
    /// The header fields in order.
    public let headers: [(name: String, value: String)]

    /// Creates a request.
    public init(
        parameter: String = "", query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = []
    ) {
        self.parameter = parameter
        self.query = query
        self.headers = headers
    }

    /// The Content-Type in lower case; empty if there is none.
    var contentType: String { header("content-type")?.lowercased() ?? "" }

    /// The value of the first field with this name, which must be in lower case.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name }?.value
    }
}

/// An answer in the form that the sender expects.
public struct SenderAnswer: Sendable {
    /// The status code.
    public let status: Int
    /// Further header fields.
    public let headers: [(name: StaticString, value: StaticString)]
    /// The Content-Type; nil for an answer without a body.
    public let contentType: StaticString?
    /// The body.
    public let body: [UInt8]

    /// Creates an answer.
    public init(
        status: Int = 200, headers: [(name: StaticString, value: StaticString)] = [],
        contentType: StaticString? = "application/json", body: [UInt8] = []
    ) {
        self.status = status
        self.headers = headers
        self.contentType = contentType
        self.body = body
    }
}

/// Reads one request of a format. It is created for each request and used by one thread at a time.
public protocol SenderReader: Sendable {
    /// Starts before the first byte of the body.
    init(_ request: SenderRequest)

    /// Passes the events in the next bytes of the body on to `batch`: in all of them, unless the
    /// format is a stream. An invalid item is rejected there, and costs its neighbors nothing.
    ///
    /// - Parameter isLast: true if no more follow.
    /// - Throws: if nothing more of the body can be read.
    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure)

    /// The answer to a request whose events are stored; nil for Logbook's own summary.
    func answer(_ outcome: SenderOutcome) -> SenderAnswer?

    /// The answer to a request that failed; nil for a problem (RFC 9457).
    func answer(_ failure: SenderFailure) -> SenderAnswer?
}

extension SenderReader {
    /// Logbook's own summary.
    public func answer(_ outcome: SenderOutcome) -> SenderAnswer? { nil }

    /// A problem.
    public func answer(_ failure: SenderFailure) -> SenderAnswer? { nil }
}

/// The reason that a request, or the rest of it, is not stored.
public struct SenderFailure: Error, Sendable {
    /// The kinds of failures, with their statuses.
    public enum Status: Int, CaseIterable, Sendable {
        case malformed = 400
        case tooLarge = 413
        case unsupported = 415
        case invalid = 422
        case unavailable = 503
    }

    /// The status of the answer.
    public let status: Status
    /// The finding and the correction: a sentence.
    public let detail: String

    /// Creates a failure.
    public init(_ status: Status, _ detail: String) {
        self.status = status
        self.detail = detail
    }
}

/// The result of a request whose valid events are all stored.
public struct SenderOutcome: Sendable {
    /// The state of an item.
    public enum Item: UInt8, Sendable {
        case stored
        case duplicate
        case rejected
        /// Not stored, because of `--ingest-min-severity`; or nothing that happened.
        case leftOut
    }

    /// An item that is not stored.
    public struct Rejection: Sendable {
        /// Its index among the items.
        public let index: Int
        /// The reason: a phrase.
        public let detail: String
    }

    /// The number of items.
    public internal(set) var count = 0
    /// Events stored now.
    public internal(set) var accepted = 0
    /// Events that were stored already.
    public internal(set) var duplicates = 0
    /// Items that are not valid.
    public internal(set) var rejected = 0
    /// Items left out because of `--ingest-min-severity`.
    public internal(set) var leftOut = 0
    /// The first 100 rejections.
    public internal(set) var rejections: [Rejection] = []
    /// The state of each item, if the format lists them.
    public internal(set) var items: [Item] = []

    /// True if no item was valid, and there were some.
    public var isRefused: Bool { count > 0 && rejected == count }

    static let listedRejections = 100
}
