import JSON

/// Writes JSON in one spelling, whatever order and escapes its writer chose: keys are sorted, and
/// there is no white space and no escape that need not be. Numbers stay as they are written.
enum CanonicalJSON {
    /// A member of an object in the output, its key in quotes.
    private struct Member {
        let key: Range<Int>
        let end: Int
        /// The key's place in the text that is read.
        let offset: Int
    }

    /// Appends the next value.
    ///
    /// - Parameter omitted: a key whose member is left out, if the value is an object.
    /// - Throws: if it is not JSON, a duplicate key included.
    static func append(
        _ reader: inout JSONReader, omitting omitted: StaticString? = nil,
        to output: inout [UInt8]
    ) throws(JSONError) {
        switch try reader.peekKind() {
        case .object: try appendObject(&reader, omitting: omitted, to: &output)
        case .array:
            output.append(UInt8(ascii: "["))
            var isFirst = true
            try reader.beginArray()
            while try reader.nextElement() {
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                try append(&reader, to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .string: append(try reader.readString(), to: &output)
        case .number, .bool, .null: output.append(contentsOf: try reader.skipValue().raw)
        }
    }

    private static func appendObject(
        _ reader: inout JSONReader, omitting omitted: StaticString?, to output: inout [UInt8]
    ) throws(JSONError) {
        var members: [Member] = []
        output.append(UInt8(ascii: "{"))
        let start = output.count
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if let omitted, key.equals(omitted) {
                _ = try reader.skipValue()
                continue
            }
            if !members.isEmpty { output.append(UInt8(ascii: ",")) }
            let keyStart = output.count
            append(key, to: &output)
            let keyEnd = output.count
            output.append(UInt8(ascii: ":"))
            try append(&reader, to: &output)
            members.append(
                Member(key: keyStart..<keyEnd, end: output.count, offset: key.offset))
        }
        sort(&members, of: &output, from: start)
        for (first, second) in zip(members, members.dropFirst())
        where output[first.key] == output[second.key] {
            throw reader.error("a key occurs twice in one object", at: second.offset)
        }
        output.append(UInt8(ascii: "}"))
    }

    /// Sorts members that stand in `output` from `start` to its end, with a comma between two.
    private static func sort(
        _ members: inout [Member], of output: inout [UInt8], from start: Int
    ) {
        func precedes(_ left: Member, _ right: Member) -> Bool {
            output[left.key].lexicographicallyPrecedes(output[right.key])
        }
        let areSorted = zip(members, members.dropFirst()).allSatisfy { !precedes($1, $0) }
        guard !areSorted else { return }
        members.sort(by: precedes)
        var sorted: [UInt8] = []
        sorted.reserveCapacity(output.count - start)
        for (index, member) in members.enumerated() {
            if index > 0 { sorted.append(UInt8(ascii: ",")) }
            let place = start + sorted.count
            sorted.append(contentsOf: output[member.key.lowerBound..<member.end])
            members[index] = Member(
                key: place..<place + member.key.count, end: start + sorted.count,
                offset: member.offset)
        }
        output.replaceSubrange(start..., with: sorted)
    }

    private static func append(_ string: JSONString, to output: inout [UInt8]) {
        guard string.hasEscapes else {
            output.append(UInt8(ascii: "\""))
            output.append(contentsOf: string.raw)
            return output.append(UInt8(ascii: "\""))
        }
        var decoded: [UInt8] = []
        string.append(to: &decoded)
        decoded.withUnsafeBytes { output.appendJSONString($0) }
    }
}
