import JSON

/// The fields of an event to include in an answer.
public struct FieldSelection: Equatable, Sendable {
    private var fields: Set<EventField> = []

    /// Reads names separated by commas.
    init(_ list: String) throws(QueryError) {
        for name in list.split(separator: ",", omittingEmptySubsequences: false) {
            guard let field = EventField.allCases.first(where: { "\($0.name)" == name }) else {
                let names = EventField.allCases.map { "\($0.name)" }
                throw QueryError(
                    parameter: "fields",
                    detail:
                        "has \(EventRules.quoted(name.utf8)); fields are \(names.joined(separator: ", "))"
                )
            }
            fields.insert(field)
        }
    }

    /// Appends these fields of `event` as a JSON object, in the order of the contract, and the
    /// totals of its group, if it has any.
    public func appendJSON(_ event: EventView, to output: inout [UInt8]) {
        var separator: StaticString = "{"
        for field in EventField.allCases where fields.contains(field) {
            output.append(separator)
            separator = ","
            output.append("\"")
            output.append(field.name)
            output.append("\":")
            event.append(field, to: &output)
        }
        event.fold?.appendMember(to: &output)
        output.append("}")
    }
}
