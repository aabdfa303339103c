import EventStore
import JSON
import LogbookAPI
import Logging
import SQLiteStore

/// The schema of a database file, in the JSON of the HTTP interface.
struct SchemaFile {
    private let file: DatabaseFile

    init(_ path: String) throws(SchemaError) {
        let logger = Logger.lines(level: .warning)
        file = try DatabaseFile(path, logger: logger)
    }

    /// The JSON of `/schema/version`, without a status because no server is involved.
    func version() -> [UInt8] {
        var json: [UInt8] = []
        json.append("{")
        appendVersion(to: &json)
        json.append("}\n")
        return json
    }

    /// The JSON of `/schema`, without what only a server knows.
    func description() throws(SchemaError) -> [UInt8] {
        let schema = try file.describeSchema()
        let sizes = file.sizes
        var json: [UInt8] = []
        json.append("{")
        appendVersion(to: &json)
        json.append(",\"migrations\":")
        schema.appendMigrations(to: &json)
        json.append(",\"tables\":")
        schema.appendTables(to: &json)
        schema.engine.appendJSON(to: &json)
        json.append(",\"database_bytes\":")
        json.appendInteger(Int(sizes.database))
        json.append(",\"wal_bytes\":")
        json.appendInteger(Int(sizes.wal))
        json.append("}\n")
        return json
    }

    private func appendVersion(to json: inout [UInt8]) {
        json.append("\"version\":")
        json.appendInteger(file.version)
        json.append(",\"latest\":")
        json.appendInteger(file.version + file.pendingMigrations.count)
    }
}
