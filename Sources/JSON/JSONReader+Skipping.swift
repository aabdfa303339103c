extension JSONReader {
    /// Validates the next value, of any kind, and skips it.
    ///
    /// It is an error if a key occurs twice in one object, even with different escapes, or if an
    /// object and those around it within the value have more than 65,536 keys. Takes time
    /// proportional to the value's length, even for crafted keys.
    public mutating func skipValue() throws(JSONError) -> JSONSlice {
        _ = try peekKind()
        let start = position
        let outerDepth = depth
        var deepest = depth
        sawWhitespace = false
        repeat {
            switch try peekKind() {
            case .object:
                try openContainer()
                keys.open(isObject: true)
            case .array:
                try openContainer()
                keys.open(isObject: false)
            case .string: _ = try scanString()
            case .number: _ = try scanNumber()
            case .bool: _ = try scanBool()
            case .null: try scan("null")
            }
            deepest = max(deepest, depth)
        } while try hasMoreValues(above: outerDepth)
        return JSONSlice(
            raw: slice(from: start), depth: deepest - outerDepth, hasWhitespace: sawWhitespace)
    }

    /// Goes to the next value deeper than `outerDepth`, out of containers that end before it.
    private mutating func hasMoreValues(above outerDepth: Int) throws(JSONError) -> Bool {
        while depth > outerDepth {
            if keys.isInObject {
                if let key = try nextKey() {
                    switch keys.insert(key) {
                    case .new: return true
                    case .duplicate: throw duplicate(key)
                    case .beyondLimit:
                        throw error(
                            "an object and those around it have more than \(KeyTracker.limit) keys",
                            at: key.offset)
                    }
                }
            } else if try nextElement() {
                return true
            }
            keys.close()
        }
        return false
    }

    private func duplicate(_ key: JSONString) -> JSONError {
        // A key can be as long as the text; a message should not.
        let longestQuoted = 64
        let name =
            key.raw.count <= longestQuoted
            ? "the key \"\(String(decoding: key.raw, as: UTF8.self))\"" : "a key"
        return error("\(name) occurs twice in one object", at: key.offset)
    }
}
