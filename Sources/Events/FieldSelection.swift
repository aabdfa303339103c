import JSON

/// Which fields of an event an answer has.
public struct FieldSelection: Equatable, Sendable {
    private var fields: Set<EventField> = []
    private var hasSeq = false

    private static let seq = "seq"

    /// Reads names between commas.
    init(_ list: String) throws(QueryError) {
        for name in list.split(separator: ",", omittingEmptySubsequences: false) {
            if name == Self.seq {
                hasSeq = true
            } else if let field = EventField.contract.first(where: { "\($0.name)" == name }) {
                fields.insert(field)
            } else {
                let names = EventField.contract.map { "\($0.name)" } + [Self.seq]
                throw QueryError(
                    parameter: "fields",
                    detail:
                        "has \(EventDecoder.quoted(name.utf8)); fields are \(names.joined(separator: ", "))"
                )
            }
        }
    }

    /// Appends these fields of `event` as a JSON object, in the order of the contract.
    public func appendJSON(_ event: EventView, to output: inout [UInt8]) {
        var separator: StaticString = "{"
        for field in EventField.contract where fields.contains(field) {
            output.append(separator)
            separator = ","
            output.append("\"")
            output.append(field.name)
            output.append("\":")
            event.append(field, to: &output)
        }
        if hasSeq {
            output.append(separator)
            output.append("\"seq\":")
            output.appendInteger(Int(event.seq))
        }
        output.append("}")
    }
}
