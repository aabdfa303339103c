import Events
import HTTPClient
import HTTPServer
import JSON

/// A source of events. A query means the same to both kinds.
enum EventSource {
    case server(LogbookClient)
    case file(EventFile)

    typealias Parameters = [(name: String, value: String)]

    /// Reads the page that `parameters` ask for, like `GET /events`.
    ///
    /// - Parameter body: gets each event's JSON, which is valid only during the call.
    /// - Returns: the cursor of the next page; nil after the last one.
    func page(
        _ parameters: Parameters, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> String? {
        switch self {
        case .file(let file): return try file.page(parameters, body)
        case .server(let client):
            let answer = try client.request("GET", Self.target("/events", parameters))
            return try answer.withUnsafeBytes { try Self.readPage($0, body) }
        }
    }

    /// The number of events that match `parameters`; nil if unknown.
    func count(_ parameters: Parameters) -> Int? {
        switch self {
        case .file(let file): return file.count(parameters)
        case .server(let client):
            let query = parameters + [("limit", "1"), ("count", "exact")]
            do throws(ClientError) {
                let answer = try client.request("GET", Self.target("/events", query))
                return JSONMember.count("pagination", "total", in: answer)
            } catch {
                // The server does not count, or has no time to.
                return nil
            }
        }
    }

    /// The answer of `GET /events/stats` to the filters and its `own` parameters.
    func statistics(_ filters: Parameters, _ own: Parameters) throws -> [UInt8] {
        switch self {
        case .file(let file): return try file.statistics(filters, own)
        case .server(let client):
            return try client.request("GET", Self.target("/events/stats", filters + own))
        }
    }

    /// The JSON of the event with this id; nil if there is none.
    func event(_ id: String) throws -> [UInt8]? {
        switch self {
        case .file(let file): return try file.event(id)
        case .server(let client):
            let answer = try client.exchange("GET", Self.target(ofEvent: id)).accepting(404)
            return answer.head.status == 404 ? nil : answer.body
        }
    }

    /// A request target of `path` and `parameters`.
    static func target(_ path: String, _ parameters: Parameters) -> String {
        let pairs = parameters.map { "\(encoded($0.name))=\(encoded($0.value))" }
        return pairs.isEmpty ? path : path + "?" + pairs.joined(separator: "&")
    }

    /// The request target of the event with this id.
    static func target(ofEvent id: String) -> String { "/events/" + encoded(id) }

    private static func encoded(_ text: String) -> String {
        String(decoding: PercentEncoding.encode(text.utf8), as: UTF8.self)
    }

    private static func readPage(
        _ answer: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> String? {
        var reader = JSONReader(answer)
        var cursor: String?
        do {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                if key.equals("events") {
                    try reader.beginArray()
                    while try reader.nextElement() { try body(reader.skipValue().raw) }
                } else if key.equals("pagination") {
                    cursor = try readCursor(&reader)
                } else {
                    _ = try reader.skipValue()
                }
            }
        } catch let error as JSONError {
            throw ClientError.unusable("the answer is not a page of events: \(error)")
        }
        return cursor
    }

    private static func readCursor(_ reader: inout JSONReader) throws(JSONError) -> String? {
        var cursor: String?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key.equals("next_cursor"), try reader.peekKind() == .string {
                cursor = try reader.readString().string
            } else {
                _ = try reader.skipValue()
            }
        }
        return cursor
    }
}
