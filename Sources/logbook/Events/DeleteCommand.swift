import ArgumentParser
import Glibc
import HTTPClient
import JSON

/// `logbook events delete`
struct DeleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete events by their ids, or all that the filters match.",
        discussion: """
            Matching events are counted first, and deleted with --yes or after a y at the \
            terminal.

            Examples:
              logbook events delete evt_20261123_103045_0123456789abcdef
              logbook events delete --namespace staging --until 30d --dry-run
              logbook events delete --namespace staging --until 30d --yes
            """)

    @Argument(help: "The events' ids.")
    var ids: [String] = []

    @OptionGroup
    var server: ServerOptions

    @OptionGroup
    var filters: FilterOptions

    @Flag(help: "Read times in UTC, not in local time.")
    var utc = false

    @Flag(help: "Delete without asking.")
    var yes = false

    @Flag(help: "Only count what would be deleted.")
    var dryRun = false

    static let valueFlags = ServerOptions.valueFlags

    func validate() throws {
        guard try ids.isEmpty != filters.parameters(Clock(isUTC: utc)).isEmpty else {
            throw ValidationError("give either ids or at least one filter")
        }
        guard ids.allSatisfy({ !$0.isEmpty }) else { throw ValidationError("an id is not empty") }
        guard ids.isEmpty || !dryRun else {
            throw ValidationError("--dry-run counts what filters match; ids need no counting")
        }
    }

    func run() throws {
        try reportingFailures(of: server.server) {
            let client = try server.client()
            if !ids.isEmpty { return try deleteEach(client) }
            let count = try delete(client, isDryRun: true)
            if dryRun { return printToStandardOutput("\(count) events match") }
            guard try count > 0 && (yes || isConfirmed(count)) else {
                return printToStandardOutput("0 events deleted")
            }
            printToStandardOutput("\(try delete(client, isDryRun: false)) events deleted")
        }
    }

    private func deleteEach(_ client: LogbookClient) throws {
        var missing = 0
        for id in ids {
            let answer = try client.exchange("DELETE", EventSource.target(ofEvent: id))
                .accepting(404)
            guard answer.head.status == 404 else { continue }
            missing += 1
            printToStandardError("\(server.server): there is no event with the id '\(id)'")
        }
        printToStandardOutput("\(ids.count - missing) events deleted")
        if missing > 0 { throw ExitCode.failure }
    }

    /// Deletes the events that match the filters, or counts them.
    private func delete(_ client: LogbookClient, isDryRun: Bool) throws -> Int {
        var parameters = try filters.parameters(Clock(isUTC: utc))
        if isDryRun { parameters.append(("dry_run", "true")) }
        let body = try client.request("DELETE", EventSource.target("/events", parameters))
        guard let count = JSONMember.count("deleted", in: body) else {
            throw ClientError.unusable("the answer does not say how many events were deleted")
        }
        return count
    }

    /// Asks on the terminal; without one nothing is deleted.
    private func isConfirmed(_ count: Int) throws -> Bool {
        guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else {
            printToStandardError("\(count) events match, and none was deleted; --yes deletes them")
            throw ExitCode.failure
        }
        printText("Delete \(count) events? [y/N] ", to: STDERR_FILENO)
        return readLine()?.lowercased().hasPrefix("y") ?? false
    }
}
