/// The codings that a request's Transfer-Encoding fields name, in order (RFC 9112, section 6.1).
struct TransferCoding {
    private(set) var isPresent = false
    private var chunkedCount = 0
    private var isLastChunked = false
    private var hasUnknown = false

    /// Adds the codings of one field line.
    mutating func add(_ value: UnsafeRawBufferPointer) throws(HTTPError) {
        isPresent = true
        // RFC 9110, 5.6.1.2 has a recipient ignore empty members. Refusing them is stricter: a
        // member that one server ignores frames the body for another.
        for coding in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let coding = UnsafeRawBufferPointer(rebasing: coding).trimmingBlanks()
            guard !coding.isEmpty, ASCII.isToken(coding[0]) else {
                throw HTTPError(.badRequest, "Transfer-Encoding is empty or malformed.")
            }
            isLastChunked = coding.equalsIgnoringCase("chunked")
            if isLastChunked {
                chunkedCount += 1
            } else if coding.count > 7, coding.slice(0..<7).equalsIgnoringCase("chunked"),
                !ASCII.isToken(coding[7])
            {
                // RFC 9112, 7.1: "The chunked coding does not define any parameters. Their presence
                // SHOULD be treated as an error."
                throw HTTPError(.badRequest, "The chunked coding takes no parameters.")
            } else {
                hasUnknown = true
            }
        }
    }

    /// RFC 9112, 6.1: "A server that receives a request message with a transfer coding it does not
    /// understand SHOULD respond with 501". 6.3: a request whose final coding is not chunked is
    /// answered with 400; here that is one with chunked before another coding.
    func check() throws(HTTPError) {
        guard chunkedCount <= 1, chunkedCount == 0 || isLastChunked else {
            throw HTTPError(.badRequest, "Transfer-Encoding must name chunked once, and last.")
        }
        guard !hasUnknown else {
            throw HTTPError(.notImplemented, "The only supported transfer coding is chunked.")
        }
    }
}
