public import EventStore
import JSON

/// The JSON of `/schema` and `logbook schema show`.
extension SchemaDescription {
    /// Appends the migrations, oldest first, as a JSON array.
    public func appendMigrations(to output: inout [UInt8]) {
        output.appendJSONArray(of: migrations) { migration, output in
            output.append("{\"version\":")
            output.appendInteger(Int(migration.version))
            output.append(",\"applied_at\":")
            output.appendJSONString(migration.appliedAt)
            output.append(",\"description\":")
            if let description = migration.description {
                output.appendJSONString(description)
            } else {
                output.append("null")
            }
            output.append("}")
        }
    }

    /// Appends the tables with their columns and indexes as a JSON array.
    public func appendTables(to output: inout [UInt8]) {
        output.appendJSONArray(of: tables, Self.append)
    }

    private static func append(_ table: Table, to output: inout [UInt8]) {
        output.append("{\"name\":")
        output.appendJSONString(table.name)
        output.append(",\"columns\":")
        output.appendJSONArray(of: table.columns) { column, output in
            output.append("{\"name\":")
            output.appendJSONString(column.name)
            output.append(",\"type\":")
            output.appendJSONString(column.type)
            output.append(column.isNotNull ? ",\"not_null\":true" : ",\"not_null\":false")
            output.append(
                column.isPrimaryKey ? ",\"primary_key\":true}" : ",\"primary_key\":false}")
        }
        output.append(",\"indexes\":")
        output.appendJSONArray(of: table.indexes) { index, output in
            output.append("{\"name\":")
            output.appendJSONString(index.name)
            output.append(index.isUnique ? ",\"unique\":true" : ",\"unique\":false")
            output.append(",\"columns\":")
            output.appendJSONArray(of: index.columns) { name, output in
                output.appendJSONString(name)
            }
            output.append("}")
        }
        output.append("}")
    }
}
