import Testing

@testable import HTTPServer

@Suite("QueryParameters")
struct QueryParametersTests {
    private func pairs(_ query: String) throws -> [String] {
        let parameters = try query.withBytes { bytes throws(HTTPError) in
            try QueryParameters(bytes)
        }
        return parameters.pairs.map { "\($0.name)|\($0.value)" }
    }

    @Test("No query has no parameters")
    func none() throws {
        #expect(try QueryParameters(nil).pairs.isEmpty)
    }

    @Test(
        "Pairs in order, decoded after the split",
        arguments: [
            ("", []), ("a=b", ["a|b"]), ("a=b&c=d&a=e", ["a|b", "c|d", "a|e"]), ("a", ["a|"]),
            ("a=", ["a|"]), ("=b", ["|b"]), ("a=b=c", ["a|b=c"]), ("&a=b&&c=d&", ["a|b", "c|d"]),
            ("a=b%26c%3Dd", ["a|b&c=d"]), ("a%3Db=c", ["a=b|c"]), ("a=b+c", ["a|b c"]),
            ("a=b%2Bc", ["a|b+c"]), ("a=%2526", ["a|%26"]), ("a=%C3%A9", ["a|é"]),
            ("a=b;c=d", ["a|b;c=d"]), ("a=b?c", ["a|b?c"]), ("a=%00", ["a|\0"]),
        ])
    func pairs(query: String, expected: [String]) throws {
        #expect(try pairs(query) == expected)
    }

    @Test(
        "What is not UTF-8 is 400",
        arguments: ["a=%FF", "%FF=a", "a=%C3", "a=%ED%A0%80", "a=%C0%80"])
    func notUTF8(query: String) {
        let error = #expect(throws: HTTPError.self) { try pairs(query) }
        #expect(error?.status == .badRequest)
    }
}
