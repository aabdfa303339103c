import Foundation
import TestSupport
import Testing

@Suite("Watching Kubernetes")
struct KubernetesWatchTests {
    private struct Sources: Decodable {
        let sources: [Source]
    }

    private struct Source: Decodable {
        struct Failure: Decodable {
            let detail: String
        }

        let name, server, state: String
        let connected: Bool
        let position: String?
        let stored, skipped, lists, errors: Int
        let last_error: Failure?
    }

    private func sources(_ server: LogbookProcess) throws -> [Source] {
        try server.exchange("GET", "/sources").decode(Sources.self).sources
    }

    /// Waits until the only source is so.
    @discardableResult
    private func wait(
        _ server: LogbookProcess, _ condition: (Source) -> Bool
    ) throws -> Source {
        let deadline = Patience.deadline
        while true {
            let source = try #require(try sources(server).first)
            if condition(source) { return source }
            guard Date() < deadline else { throw HarnessError("never: \(source)") }
            usleep(2_000)  // There is no event to wait for: only asking tells.
        }
    }

    private func item(_ version: Int, _ message: String) -> String {
        """
        {"metadata":{"name":"web-0.\(version)","namespace":"shop","uid":"u-\(version)",\
        "resourceVersion":"\(version)"},"involvedObject":{"kind":"Pod","namespace":"shop",\
        "name":"web-\(version % 100)"},"reason":"BackOff","message":"\(message)","count":1,\
        "lastTimestamp":"2026-11-23T10:30:45Z","type":"Warning"}
        """
    }

    @Test("Memory is flat over 50,000 events and lines of 3 MB; SIGTERM ends the watch at once")
    func memory() throws {
        let api = try ScriptedAPIServer()
        let server = try LogbookProcess(flags: ["--kubernetes-server", api.url])
        let text = String(repeating: "restarting failed container ", count: 30)
        var warm = 0
        for page in 0..<100 {
            let items = (0..<500).map { item(1000 + page * 500 + $0, text) }
            let next = page < 99 ? "page-\(page + 1)" : ""
            let request = try api.next()
            #expect(request.parameter("continue") == (page == 0 ? nil : "page-\(page)"))
            request.answer(
                """
                {"kind":"EventList","metadata":{"resourceVersion":"60000","continue":"\(next)"},\
                "items":[\(items.joined(separator: ","))]}
                """)
            if page == 60 { warm = try server.peakMemory() }
        }
        let watch = try api.next()
        #expect(watch.parameter("resourceVersion") == "60000")
        watch.begin()
        let huge = item(60_001, String(repeating: "x", count: 3 << 20))
        for _ in 0..<10 { watch.send("{\"type\":\"ADDED\",\"object\":\(huge)}\n") }
        watch.send("{\"type\":\"ADDED\",\"object\":\(item(60_002, "last"))}\n")
        let source = try wait(server) { $0.position == "60002" }
        #expect(source.stored == 50_001 && source.skipped == 10 && source.lists == 1)
        let grown = try server.peakMemory() - warm
        #expect(grown < 8 << 20, "\(warm) bytes, and \(grown) more")
        let begun = Date()
        try server.stop()
        #expect(-begun.timeIntervalSinceNow < 10)
    }

    @Test("A 403 is shown as the API server says it, and the service stays ready")
    func forbidden() throws {
        let api = try ScriptedAPIServer()
        let server = try LogbookProcess(flags: ["--kubernetes-server", api.url])
        let sentence = "events is forbidden: User 'a' cannot list resource 'events'"
        try api.next().answer(
            #"{"kind":"Status","message":"\#(sentence)","code":403}"#, status: 403)
        let source = try wait(server) { $0.errors == 1 }
        #expect(source.state == "waiting" && !source.connected)
        #expect(source.last_error?.detail == sentence)
        #expect(try server.exchange("GET", "/readyz").status == 200)
        let metrics = try server.exchange("GET", "/metrics").text
        #expect(metrics.contains("logbook_source_connected{source=\"kubernetes\"} 0\n"))
        try server.stop()
    }

    @Test("In a pod, the environment says where the API server is; each namespace is a source")
    func pod() throws {
        let server = try LogbookProcess(
            flags: ["--kubernetes", "--kubernetes-namespace", "shop,bank"],
            environment: ["KUBERNETES_SERVICE_HOST": "::1", "KUBERNETES_SERVICE_PORT": "1"])
        #expect(try sources(server).map(\.name) == ["kubernetes/bank", "kubernetes/shop"])
        #expect(try sources(server).map(\.server) == ["https://[::1]:1", "https://[::1]:1"])
    }
}
