import Access
import EventStore
import Events
import HTTPServer
import JSON

/// The database's schema and version.
extension LogbookAPI {
    var schemaRoutes: [Route] {
        [
            route(
                .get, "/schema", "the schema in force and its database file", scope: .read,
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
        try answer(request, &response) { reader, _, response in
            let schema = try reader.describeSchema()
            response.addHeader("Cache-Control", "no-store")
            response.body.append("{\"migrations\":")
            schema.appendMigrations(to: &response.body)
            response.body.append("}\n")
        }
    }

    private func getSchema(_ request: Request, _ response: inout Response) throws(Problem) {
        _ = try parameters(request, known: [])
        try answer(request, &response) { [repository] reader, _, response in
            let schema = try reader.describeSchema()
            let engine = repository.engine
            response.addHeader("Cache-Control", "no-store")
            response.body.append("{")
            Self.write(repository.schemaState, to: &response.body)
            response.body.append(",\"migrations\":")
            schema.appendMigrations(to: &response.body)
            response.body.append(",\"tables\":")
            schema.appendTables(to: &response.body)
            (schema.engine + engine.members).appendJSON(to: &response.body)
            response.body.append(",\"statistics\":")
            Self.write(repository.statistics, engine.statistics, to: &response.body)
            response.body.append("}\n")
        }
    }

    private static func write(
        _ statistics: StoreStatistics, _ own: [EngineMember], to body: inout [UInt8]
    ) {
        let figures: [(name: StaticString, value: Int)] = [
            ("{\"commits\":", statistics.commits),
            (",\"removed_by_age\":", statistics.removedByAge),
            (",\"removed_for_count\":", statistics.removedForCount),
            (",\"removed_for_bytes\":", statistics.removedForBytes),
        ]
        for figure in figures {
            body.append(figure.name)
            body.appendInteger(figure.value)
        }
        own.appendJSON(to: &body)
        body.append("}")
    }
}
