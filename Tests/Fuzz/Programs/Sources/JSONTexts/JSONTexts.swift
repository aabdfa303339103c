import JSON

/// The function that libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    // Memory of exactly this size, so that the address sanitizer sees a read beyond it.
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 1)
    defer { bytes.deallocate() }
    bytes.copyMemory(from: UnsafeRawBufferPointer(start: data, count: size))
    JSONTexts.check(UnsafeRawBufferPointer(bytes))
    return 0
}

/// For any bytes, the reader accepts exactly what the grammar accepts, in both of its ways. Its
/// output reads again as the same value, and so does the writer's.
enum JSONTexts {
    static func check(_ bytes: UnsafeRawBufferPointer) {
        let text = Array(bytes)
        checkWriter(text)

        var skipping = JSONReader(bytes)
        var pulling = JSONReader(bytes)
        let skipped = Result { () throws(JSONError) in
            let slice = try skipping.skipValue()
            try skipping.expectEnd()
            return slice
        }
        let pulled = Result { () throws(JSONError) in
            let tree = try JSONTree(from: &pulling)
            try pulling.expectEnd()
            return tree
        }
        let isAccepted = if case .success = skipped { true } else { false }
        precondition(isAccepted == JSONGrammar.accepts(text))
        switch (skipped, pulled) {
        case (.success(let slice), .success(let tree)): checkAccepted(slice, tree)
        case (.failure(let error), .failure(let other)):
            precondition(error.offset <= other.offset)
            if error.offset < other.offset { precondition(isDuplicate(error)) }
            checkPlace(error, text)
            checkPlace(other, text)
        case (.failure(let error), .success): precondition(isDuplicate(error))
        case (.success, .failure): preconditionFailure("only skipping takes it")
        }
    }

    private static func isDuplicate(_ error: JSONError) -> Bool {
        error.message.hasSuffix("occurs twice in one object")
    }

    private static func checkAccepted(_ slice: JSONSlice, _ tree: JSONTree) {
        precondition(same(Array(slice.raw), as: tree))
        let compact = bytes { slice.appendCompact(to: &$0) }
        precondition(same(compact, as: tree))
        let again = withReader(compact) { reader in
            guard let again = try? reader.skipValue() else {
                preconditionFailure("compact is broken")
            }
            return (depth: again.depth, hasWhitespace: again.hasWhitespace)
        }
        precondition(!again.hasWhitespace && again.depth == slice.depth)
        precondition(slice.hasWhitespace == (compact.count < slice.raw.count))
        precondition(same(bytes { tree.append(to: &$0) }, as: tree))
    }

    private static func same(_ text: [UInt8], as tree: JSONTree) -> Bool {
        (try? JSONTree(whole: text))?.isIdentical(to: tree) ?? false
    }

    private static func checkPlace(_ error: JSONError, _ text: [UInt8]) {
        precondition(error.offset <= text.count)
        let lines = text[..<error.offset].split(
            separator: 0x0A, omittingEmptySubsequences: false)
        precondition(error.line == lines.count && error.column == lines.last!.count + 1)
    }

    /// Any bytes written as a string are read again as the text that the standard library makes of
    /// them.
    private static func checkWriter(_ text: [UInt8]) {
        let written = text.withUnsafeBytes { source in bytes { $0.appendJSONString(source) } }
        guard case .string(let read)? = try? JSONTree(whole: written) else {
            preconditionFailure("what was written is no string")
        }
        precondition(read.utf8.elementsEqual(String(decoding: text, as: UTF8.self).utf8))
    }
}

extension JSONTree {
    /// Byte equality, because Swift's == treats canonically equivalent strings as equal.
    fileprivate func isIdentical(to other: JSONTree) -> Bool {
        switch (self, other) {
        case (.object(let members), .object(let others)):
            members.count == others.count
                && zip(members, others).allSatisfy {
                    $0.key.utf8.elementsEqual($1.key.utf8) && $0.value.isIdentical(to: $1.value)
                }
        case (.array(let elements), .array(let others)):
            elements.count == others.count
                && zip(elements, others).allSatisfy { $0.isIdentical(to: $1) }
        case (.string(let text), .string(let other)), (.number(let text), .number(let other)):
            text.utf8.elementsEqual(other.utf8)
        case (.bool(let value), .bool(let other)): value == other
        case (.null, .null): true
        default: false
        }
    }
}
