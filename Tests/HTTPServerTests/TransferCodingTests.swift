import Testing

@testable import HTTPServer

@Suite("TransferCoding")
struct TransferCodingTests {
    /// The status that the field lines lead to; nil if the body is chunked.
    private func status(_ lines: [String]) -> HTTPStatus? {
        var coding = TransferCoding()
        do throws(HTTPError) {
            for line in lines {
                try line.withBytes { bytes throws(HTTPError) in try coding.add(bytes) }
            }
            #expect(coding.isPresent == !lines.isEmpty)
            try coding.check()
            return nil
        } catch {
            return error.status
        }
    }

    @Test("Chunked alone is taken, in any case", arguments: ["chunked", "CHUNKED", "chUnked"])
    func chunked(line: String) {
        #expect(status([line]) == nil)
    }

    @Test(
        "A coding that is not known is 501",
        arguments: [
            ["gzip"], ["gzip, chunked"], ["gzip\t,\tchunked"], ["gzip", "chunked"], ["identity"],
            ["xchunked"], ["chunkedx"], ["a;b=c, chunked"],
        ])
    func unknown(lines: [String]) {
        #expect(status(lines) == .notImplemented)
    }

    @Test(
        "Chunked must be once, last and without parameters, or it is a 400",
        arguments: [
            ["chunked, gzip"], ["chunked", "gzip"], ["chunked, chunked"], ["chunked", "chunked"],
            ["chunked, gzip, chunked"], [""], ["chunked,"], [",chunked"], ["gzip,,chunked"],
            ["chunked;a=b"], ["chunked ;a=b"], ["chunked x"], ["\"chunked\""], ["chunked", ""],
        ])
    func faulty(lines: [String]) {
        #expect(status(lines) == .badRequest)
    }
}
