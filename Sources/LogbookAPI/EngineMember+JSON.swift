public import EventStore
import JSON

extension [EngineMember] {
    /// Appends each member with a comma before it, after other members of an object.
    public func appendJSON(to output: inout [UInt8]) {
        for member in self {
            output.append(",")
            Self.append(member, to: &output)
        }
    }

    private static func append(_ member: EngineMember, to output: inout [UInt8]) {
        output.appendJSONString(member.name)
        output.append(":")
        switch member.value {
        case .text(let text): output.appendJSONString(text)
        case .number(let number): output.appendInteger(number)
        case .members(let members):
            var separator: StaticString = "{"
            for member in members {
                output.append(separator)
                separator = ","
                append(member, to: &output)
            }
            output.append(members.isEmpty ? "{}" : "}")
        }
    }
}
