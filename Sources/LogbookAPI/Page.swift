import CEmbedded
import HTTPServer
import System

/// The page for browsers: the files in the program or, for development, a folder with the same
/// names.
struct Page: Sendable {
    /// The embedded files, by name.
    private static let answers: [String: StaticAnswer] = {
        var answers: [String: StaticAnswer] = [:]
        var number = 0
        while let name = embedded_page_file(number).name {
            let name = String(cString: name)
            answers[name] = StaticAnswer(contentType(name), embedded_page_file(number).file)
            number += 1
        }
        return answers
    }()
    /// The same as gzip, made when the first browser comes: no start waits for it.
    private static let compressed = answers.mapValues(\.compressed)
    private let folder: String?

    static let index = "index.html"
    /// The longest file that is served from a folder, in bytes.
    private static let fileLimit = 1024 * 1024

    init(folder: String?) { self.folder = folder }

    /// The file called `name`, as gzip if `request` accepts that; nil if the page has none.
    func answer(_ name: String, for request: Request) -> StaticAnswer? {
        guard let embedded = Self.answers[name], let folder else {
            let accepted = request.header("accept-encoding")
            let isPlain = accepted == nil || MediaType.preferred(of: ["gzip"], accepted) == nil
            return isPlain ? Self.answers[name] : Self.compressed[name]
        }
        guard let bytes = readFile("\(folder)/\(name)", limit: Self.fileLimit) else { return nil }
        return StaticAnswer(embedded.contentType, bytes)
    }

    private static func contentType(_ name: String) -> StaticString {
        if name.hasSuffix(".html") { return "text/html; charset=utf-8" }
        return name.hasSuffix(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8"
    }

    /// The rules for browsers: nothing from elsewhere, nothing inline, and no markup made by a
    /// script, so that no event can be more than text (https://www.w3.org/TR/CSP3/,
    /// https://www.w3.org/TR/trusted-types/).
    private static let securityPolicy: StaticString = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
        require-trusted-types-for 'script'; trusted-types 'none'
        """

    /// Adds the headers that the page and the index share.
    static func addSecurity(to response: inout Response) {
        response.addHeader("Content-Security-Policy", securityPolicy)
        response.addHeader("Cross-Origin-Opener-Policy", "same-origin")
        response.addHeader("Referrer-Policy", "no-referrer")
    }
}
