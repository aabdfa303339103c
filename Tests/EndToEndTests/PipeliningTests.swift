import Testing

@Suite("Clients that do not read")
struct PipeliningTests {
    @Test("A client that pipelines 100,000 requests and reads nothing is held back, and it alone")
    func pipelining() throws {
        let server = try LogbookProcess()
        let greedy = try RawClient(port: server.port, isNarrow: true)
        // More than the system buffers in both directions.
        let padding = [("X-Padding", String(repeating: "a", count: 1_000))]
        let request = Array(RawClient.request("GET", "/", headers: padding).utf8)
        let total = 100_000 * request.count
        let other = try server.connect()
        #expect(try other.exchange("GET", "/healthz").status == 200)
        let before = try server.anonymousMemory()
        let block = Array(repeating: request, count: 100).flatMap(\.self)
        var sent = 0
        var refusals = 0
        while sent < total, refusals < 200 {
            let taken = try greedy.offer(block[(sent % block.count)...])
            sent += taken
            refusals = taken == 0 ? refusals + 1 : 0
            // The others are answered meanwhile.
            #expect(try other.exchange("GET", "/healthz").status == 200)
        }
        #expect(sent < total)
        #expect(try server.anonymousMemory() - before < 3_000_000)
        // The unread answers are still there for it.
        for _ in 0..<1_000 { #expect(try greedy.readResponse().status == 200) }
    }
}
