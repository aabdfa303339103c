import System

/// A request's head as positions in the bytes it was parsed from, counted from the head's first
/// byte.
package struct RequestHead {
    struct Field {
        var name: Range<Int>
        var value: Range<Int>
    }

    /// nil for a well-formed method that this server does not implement.
    var method: HTTPMethod?
    var target = Target.asterisk
    var isHTTP11 = true
    var fields: [Field] = []
    /// The value of Host, or the host of an absolute target; nil in HTTP/1.0 without either.
    var host: Range<Int>?
    var framing = Framing.none
    var keepsAlive = true
    var expectsContinue = false
    /// RFC 9110, 10.1.1: an expectation other than 100-continue.
    var hasUnknownExpectation = false

    /// RFC 9112, 3.2: the forms of a request target that this server accepts.
    enum Target {
        case path(Range<Int>, query: Range<Int>?)
        case asterisk
    }

    /// RFC 9112, 6.3: how the end of the body is found.
    enum Framing: Equatable {
        case none
        case length(Int)
        case chunked
    }

    /// The value of the first field called `name`, which must be in lower case.
    package func value(
        of name: StaticString, in bytes: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        for field in fields where bytes.slice(field.name).equalsIgnoringCase(name) {
            return bytes.slice(field.value)
        }
        return nil
    }

    /// True if a browser sends this for a page that another server gave it. The browser would send
    /// a client certificate along, and it can reach addresses that the page's server cannot. A
    /// server at the same site (`same-site`) is another server too: http://localhost:3000 and
    /// http://localhost:8080 are one site.
    ///
    /// Browsers report it in Sec-Fetch-Site (https://www.w3.org/TR/fetch-metadata/), to servers
    /// with TLS or on this machine, and in Origin (RFC 6454, 7). No other client sends either.
    func isOfAnotherSite(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if let site = value(of: "sec-fetch-site", in: bytes) {
            return !site.equals("same-origin") && !site.equals("none")
        }
        guard let origin = value(of: "origin", in: bytes) else { return false }
        // "null" has no slash.
        guard let slash = origin.lastIndex(of: UInt8(ascii: "/")),
            let host
        else { return true }
        return !origin.slice(slash + 1..<origin.count).equalsIgnoringCase(bytes.slice(host))
    }

    /// True if a browser asks for a page to show by itself, not inside another page.
    func isTopLevelNavigation(_ bytes: UnsafeRawBufferPointer) -> Bool {
        method?.isSafe == true && value(of: "sec-fetch-mode", in: bytes)?.equals("navigate") == true
            && value(of: "sec-fetch-dest", in: bytes)?.equals("document") == true
    }

    /// Empties the head, keeping the space for fields.
    mutating func clear() {
        method = nil
        target = .asterisk
        isHTTP11 = true
        fields.removeAll(keepingCapacity: true)
        host = nil
        framing = .none
        keepsAlive = true
        expectsContinue = false
        hasUnknownExpectation = false
    }
}

extension RequestHead {
    /// The body's length in bytes, if the request announces it; 0 without a body.
    package var length: Int? {
        switch framing {
        case .none: 0
        case .length(let length): length
        case .chunked: nil
        }
    }

    /// The schemes of Authorization whose credentials are a token, and those whose credentials have
    /// it after a colon, in Base64: a user and a password (RFC 7617), an id and a key.
    private static let tokenSchemes: [StaticString] = ["bearer", "splunk"]
    private static let pairSchemes: [StaticString] = ["basic", "apikey"]

    /// The token of a request; nil if it has none, or if its Authorization has another scheme.
    ///
    /// - Throws: if there are two fields, because another server might take the other one.
    package func token(in bytes: UnsafeRawBufferPointer) throws(HTTPError) -> [UInt8]? {
        var found: UnsafeRawBufferPointer?
        for field in fields where bytes.slice(field.name).equalsIgnoringCase("authorization") {
            guard found == nil else {
                throw HTTPError(.badRequest, "Authorization appears twice.")
            }
            found = bytes.slice(field.value)
        }
        guard let value = found else { return nil }
        // RFC 6750, 2.1: credentials = "Bearer" 1*SP b64token. RFC 9110, 11.1: the scheme's case
        // does not matter.
        let end = value.firstOffset(of: ASCII.space) ?? value.count
        let scheme = value.slice(0..<end)
        let credentials = value.slice(end..<value.count).trimmingBlanks()
        if Self.tokenSchemes.contains(where: scheme.equalsIgnoringCase) {
            return Array(credentials)
        }
        guard Self.pairSchemes.contains(where: scheme.equalsIgnoringCase),
            let pair = Base64.decode(credentials), let colon = pair.firstIndex(of: ASCII.colon)
        else { return nil }
        return Array(pair[(colon + 1)...])
    }
}
