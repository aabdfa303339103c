import Testing

@Suite("events delete")
struct DeleteTests {
    private let server: LogbookProcess

    init() throws {
        server = try LogbookProcess()
        try server.store(
            (0..<30).map { NewEvent(id: "e\($0)", severity: $0 < 10 ? "error" : "info") })
    }

    private func delete(_ arguments: String...) throws -> Command {
        try Command(BuiltProgram.path, ["events", "delete", "--server", server.url] + arguments)
    }

    @Test("By ids, with a message for those that do not exist")
    func ids() throws {
        let run = try delete("e1", "none", "e2")
        #expect(run.status == 1)
        #expect(run.output == "2 events deleted\n")
        #expect(run.errors.contains("'none'"), "\(run.errors)")
        #expect(try delete("e3").status == 0)
        #expect(try server.walk("").count == 27)
    }

    @Test("By filters, counted first and only with --yes")
    func filters() throws {
        let counted = try delete("--severity", "error", "--dry-run")
        #expect(counted.status == 0)
        #expect(counted.output == "10 events match\n")
        let unasked = try delete("--severity", "error")
        #expect(unasked.status == 1)
        #expect(unasked.errors.contains("10 events match, and none was deleted"))
        #expect(try server.walk("").count == 30)
        let run = try delete("--severity", "error", "--yes")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output == "10 events deleted\n")
        #expect(try server.walk("").count == 20)
        #expect(try server.walk("severity=error").isEmpty)
        #expect(try delete("--severity", "error", "--yes").output == "0 events deleted\n")
        let refused = try delete("--severity", "bad", "--yes")
        #expect(refused.status == 64)
        #expect(refused.errors.contains("--severity"), "\(refused.errors)")
    }

    @Test("On a terminal it asks", arguments: [("y", 20), ("n", 30), ("", 30)])
    func asks(_ answer: String, _ left: Int) throws {
        let shown = try LogbookCommand.terminal(
            columns: 80,
            "\"$LOGBOOK\" events delete --server \(server.url) --severity error",
            input: answer + "\n")
        #expect(shown.joined().contains("Delete 10 events? [y/N]"), "\(shown)")
        #expect(try server.walk("").count == left)
    }

    @Test(
        "Wrong combinations of arguments are refused",
        arguments: [[], ["e1", "--kind", "Pod"], ["e1", "--dry-run"], [""]])
    func usage(_ arguments: [String]) throws {
        let run = try Command(
            BuiltProgram.path, ["events", "delete", "--server", server.url, "--yes"] + arguments)
        #expect(run.status == 64)
        #expect(try server.walk("").count == 30)
    }
}
