import Testing

@testable import HTTPServer

@Suite("HTTPDate")
struct HTTPDateTests {
    @Test(
        "IMF-fixdate, day and month by name",
        arguments: [
            // RFC 9110, 5.6.7 gives this example.
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (4_102_444_800, "Fri, 01 Jan 2100 00:00:00 GMT"),
        ])
    func format(seconds: Int64, text: String) {
        #expect(HTTPDate.fieldLine(seconds: seconds) == Array("Date: \(text)\r\n".utf8))
    }
}
