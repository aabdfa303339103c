import EventStore
import Events
import HTTPServer
import JSON

/// What the database is, and in which version.
extension LogbookAPI {
    var schemaRoutes: [Route] {
        [
            route(
                .get, "/schema", "the schema in force, and the file behind it", scope: .read,
                statuses: [.ok, .badRequest, .internalServerError, .serviceUnavailable], getSchema),
            route(
                .get, "/schema/version", "the schema's version and status, from memory",
                scope: nil, statuses: [.ok, .serviceUnavailable], tellsTrouble: true,
                getVersion),
            route(
                .get, "/schema/migrations", "the migrations that made the schema, oldest first",
                scope: .read,
                statuses: [.ok, .badRequest, .internalServerError, .serviceUnavailable],
                getMigrations),
        ]
    }

    private func getVersion(_ request: Request, _ response: inout Response) throws(Problem) {
        let state = repository.schemaState
        guard state.status != .failed else {
            throw Problem(
                .serviceUnavailable, "The database could not be brought to its latest version.")
        }
        response.addHeader("Cache-Control", "no-store")
        response.body.append("{")
        Self.write(state, to: &response.body)
        response.body.append("}\n")
    }

    private static func write(_ state: SchemaState, to body: inout [UInt8]) {
        body.append("\"version\":")
        body.appendInteger(state.version)
        body.append(",\"latest\":")
        body.appendInteger(state.latest)
        body.append(",\"status\":")
        body.appendJSONString(state.status.rawValue)
    }

    private func getMigrations(_ request: Request, _ response: inout Response) throws(Problem) {
        _ = try parameters(request, known: [])
        let schema = try reporting { try readers.reader(for: request).describeSchema() }
        response.addHeader("Cache-Control", "no-store")
        response.body.append("{\"migrations\":")
        schema.appendMigrations(to: &response.body)
        response.body.append("}\n")
    }

    private func getSchema(_ request: Request, _ response: inout Response) throws(Problem) {
        _ = try parameters(request, known: [])
        let schema = try reporting { try readers.reader(for: request).describeSchema() }
        let sizes = repository.fileSizes
        response.addHeader("Cache-Control", "no-store")
        response.body.append("{")
        Self.write(repository.schemaState, to: &response.body)
        response.body.append(",\"migrations\":")
        schema.appendMigrations(to: &response.body)
        response.body.append(",\"tables\":")
        schema.appendTables(to: &response.body)
        response.body.append(",\"sqlite_version\":")
        response.body.appendJSONString(EventRepository.sqliteVersion)
        response.body.append(",\"journal_mode\":")
        response.body.appendJSONString(schema.journalMode)
        response.body.append(",\"durability\":\"full\",\"database_bytes\":")
        response.body.appendInteger(Int(sizes.database))
        response.body.append(",\"wal_bytes\":")
        response.body.appendInteger(Int(sizes.wal))
        response.body.append(",\"statistics\":")
        Self.write(repository.statistics, to: &response.body)
        response.body.append("}\n")
    }

    private static func write(_ statistics: StoreStatistics, to body: inout [UInt8]) {
        func microseconds(_ time: Duration) -> Int { Int(time / .microseconds(1)) }
        let figures: [(name: StaticString, value: Int)] = [
            ("{\"commits\":", statistics.commits),
            (",\"checkpoints\":", statistics.checkpointTimes.counts.reduce(0, +)),
            (",\"checkpoint_us\":", statistics.checkpointTimes.sum / 1000),
            (",\"longest_checkpoint_us\":", microseconds(statistics.longestCheckpoint)),
            (",\"most_wal_bytes\":", Int(statistics.mostWALBytes)),
            (",\"oldest_reader_us\":", microseconds(statistics.oldestReader)),
            (",\"stopped_readers\":", statistics.stoppedReaders),
            (",\"removed_by_age\":", statistics.removedByAge),
            (",\"removed_for_count\":", statistics.removedForCount),
            (",\"removed_for_bytes\":", statistics.removedForBytes),
        ]
        for figure in figures {
            body.append(figure.name)
            body.appendInteger(figure.value)
        }
        body.append(",\"longest_slices_us\":")
        var separator: StaticString = "{"
        for (job, time) in statistics.longestSlices.sorted(by: { $0.key < $1.key }) {
            body.append(separator)
            separator = ","
            body.appendJSONString(job)
            body.append(":")
            body.appendInteger(microseconds(time))
        }
        body.append(statistics.longestSlices.isEmpty ? "{}}" : "}}")
    }
}
