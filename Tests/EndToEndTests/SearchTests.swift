import Testing

@Suite("Searching")
struct SearchTests {
    private let server: LogbookProcess

    init() throws {
        server = try LogbookProcess()
        try server.store([
            NewEvent(
                id: "back-off", title: "Back-off restarting failed container coredns",
                objectNamespace: "kube-system", objectName: "coredns-7d9f8b6c5-x2x4v"),
            NewEvent(id: "node", severity: "error", title: "Node node-3 is not ready"),
            NewEvent(id: "loop", title: "CrashLoopBackOff", objectName: "web-0"),
        ])
    }

    @Test(
        "Words, phrases, exclusions and prefixes, newest first",
        arguments: [
            ("coredns", ["back-off"]), ("off", ["loop", "back-off"]), ("NODE-3", ["node"]),
            ("%22not+ready%22", ["node"]), ("%22ready+not%22", []), ("off+-container", ["loop"]),
            ("crash*", ["loop"]), ("kube-system", []), ("7d9f8b6c5", ["back-off"]),
            ("off&limit=1&order=asc", ["back-off", "loop"]), ("ready&severity=error", ["node"]),
            ("ready&severity=info", []), ("%D0%B0", []),
        ])
    func found(q: String, ids: [String]) throws {
        #expect(try server.walk("q=\(q)").map(\.id) == ids)
    }

    @Test(
        "An invalid search is refused with the reason",
        arguments: ["-a", "%22a", "*", "a*", "%22%22", "x+-", "%22a%22+%22", ""])
    func refused(q: String) throws {
        #expect(try server.exchange("GET", "/events?q=\(q)").problem(400).parameters == ["q"])
    }

    @Test("What would mean something to the index means nothing in a search")
    func operators() throws {
        for q in ["a+OR+off", "NEAR(off+x)", "words:off", "off+AND", "%22off%22%22", "title%3Aoff"]
        {
            let response = try server.exchange("GET", "/events?q=\(q)")
            if response.status == 200 {
                #expect(try response.decode(EventList.self).events.isEmpty, "\(q)")
            } else {
                #expect(try response.problem(400).parameters == ["q"], "\(q)")
            }
        }
    }
}
