import CEmbedded
import Events
import HTTP
import HTTPServer
import JSON

/// A `200` that stays the same as long as the program runs, so clients can cache it.
struct StaticAnswer: Sendable {
    let contentType: StaticString
    private let contentEncoding: StaticString?
    private let body: [UInt8]
    private let entityTag: [UInt8]

    init(_ contentType: StaticString, _ body: [UInt8], contentEncoding: StaticString? = nil) {
        self.contentType = contentType
        self.contentEncoding = contentEncoding
        self.body = body
        let hash = body.withUnsafeBytes(FNV1a.hash)
        entityTag = Array("\"\(String(hash, radix: 16))\"".utf8)
    }

    init(_ contentType: StaticString, _ file: embedded_file) {
        self.init(contentType, Array(UnsafeBufferPointer(start: file.bytes, count: file.count)))
    }

    /// The same as gzip; its entity tag differs, as RFC 9110, section 8.8.3.3, demands.
    var compressed: StaticAnswer {
        StaticAnswer(contentType, gzip(body), contentEncoding: "gzip")
    }

    /// Answers `request`, with a `304` if the client already has it.
    func write(to response: inout Response, for request: Request) {
        response.addHeader("ETag", entityTag)
        // Another version of the program has another answer: clients keep this one but revalidate
        // it each time.
        response.addHeader("Cache-Control", "no-cache")
        if isHeld(by: request) {
            response.status = .notModified
            response.contentType = nil
        } else {
            response.contentType = contentType
            if let contentEncoding { response.addHeader("Content-Encoding", contentEncoding) }
            response.body.append(contentsOf: body)
        }
    }

    /// RFC 9110, section 13.1.2: `*`, or a list of entity tags; weak ones match too.
    private func isHeld(by request: Request) -> Bool {
        guard let condition = request.header("if-none-match") else { return false }
        let blanks: Set<UInt8> = [UInt8(ascii: " "), UInt8(ascii: "\t")]
        return condition.split(separator: UInt8(ascii: ",")).contains { member in
            var tag = member.drop { blanks.contains($0) }
            while let last = tag.last, blanks.contains(last) { tag.removeLast() }
            if tag.starts(with: "W/".utf8) { tag = tag.dropFirst(2) }
            return tag.elementsEqual(entityTag) || tag.elementsEqual("*".utf8)
        }
    }
}
