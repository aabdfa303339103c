import Foundation
import JSON

/// A whole value, read only with the pull interface.
indirect enum JSONTree: Equatable {
    case object([Member])
    case array([JSONTree])
    case string(String)
    case number(String)
    case bool(Bool)
    case null

    struct Member: Equatable {
        let key: String
        let value: JSONTree
    }

    init(whole text: [UInt8]) throws(JSONError) {
        let result = withReader(text) { reader in
            Result { () throws(JSONError) in
                let tree = try JSONTree(from: &reader)
                try reader.expectEnd()
                return tree
            }
        }
        self = try result.get()
    }

    init(from reader: inout JSONReader) throws(JSONError) {
        switch try reader.peekKind() {
        case .object:
            var members: [Member] = []
            try reader.beginObject()
            while let key = try reader.nextKey() {
                members.append(Member(key: key.string, value: try JSONTree(from: &reader)))
            }
            self = .object(members)
        case .array:
            var elements: [JSONTree] = []
            try reader.beginArray()
            while try reader.nextElement() {
                elements.append(try JSONTree(from: &reader))
            }
            self = .array(elements)
        case .string: self = .string(try reader.readString().string)
        case .number: self = .number(String(decoding: try reader.readNumber(), as: UTF8.self))
        case .bool: self = .bool(try reader.readBool())
        case .null:
            try reader.readNull()
            self = .null
        }
    }

    func append(to output: inout [UInt8]) {
        switch self {
        case .object(let members):
            output.append("{")
            for (index, member) in members.enumerated() {
                if index > 0 { output.append(",") }
                output.appendJSONString(member.key)
                output.append(":")
                member.value.append(to: &output)
            }
            output.append("}")
        case .array(let elements):
            output.append("[")
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(",") }
                element.append(to: &output)
            }
            output.append("]")
        case .string(let text): output.appendJSONString(text)
        case .number(let text): output.append(contentsOf: text.utf8)
        case .bool(let value): output.append(value ? "true" : "false")
        case .null: output.append("null")
        }
    }

    /// The same value made of Foundation's types.
    var foundation: Any {
        switch self {
        case .object(let members):
            Dictionary(uniqueKeysWithValues: members.map { ($0.key, $0.value.foundation) })
        case .array(let elements): elements.map(\.foundation)
        case .string(let text): text
        case .number(let text): NSNumber(value: Double(text)!)
        case .bool(let value): NSNumber(value: value)
        case .null: NSNull()
        }
    }

    /// True if Foundation's result is this value.
    func isSame(as other: Any) -> Bool {
        switch self {
        case .object(let members):
            guard let others = other as? [String: Any], others.count == members.count else {
                return false
            }
            return members.allSatisfy { member in
                others.contains { key, value in
                    // Swift's == treats canonically equivalent strings as equal.
                    key.utf8.elementsEqual(member.key.utf8) && member.value.isSame(as: value)
                }
            }
        case .array(let elements):
            guard let others = other as? [Any], others.count == elements.count else { return false }
            return zip(elements, others).allSatisfy { $0.isSame(as: $1) }
        case .string(let text): return (other as? String)?.utf8.elementsEqual(text.utf8) ?? false
        case .number(let text):
            // Foundation goes through a decimal and may lose the last bit.
            let number = Double(text)!
            guard let other = (other as? NSNumber)?.doubleValue else { return false }
            return abs(other - number) <= abs(number) * 1e-12
        case .bool(let value): return other as? Bool == value
        case .null: return other is NSNull
        }
    }

    var hasOnlyFiniteNumbers: Bool {
        switch self {
        case .object(let members): members.allSatisfy(\.value.hasOnlyFiniteNumbers)
        case .array(let elements): elements.allSatisfy(\.hasOnlyFiniteNumbers)
        case .number(let text): Double(text)!.isFinite
        case .string, .bool, .null: true
        }
    }
}
