import Events
import HTTPServer
import JSON
import System

/// An item as it is sent: on one line, without what the store gives, and with an id, so that it can
/// be sent again.
enum ImportedEvent {
    /// Appends `item` as a line.
    ///
    /// - Parameter keepsReceivedAt: whether it takes its `received_at` along.
    /// - Throws: when it is no JSON object; `output` is then as it was.
    static func append(
        _ item: ImportSource.Item, keepsReceivedAt: Bool, to output: inout [UInt8]
    ) throws(JSONError) {
        let start = output.count
        do throws(JSONError) {
            try item.json.span.withUnsafeBytes { bytes throws(JSONError) in
                try append(bytes, item.number, keepsReceivedAt: keepsReceivedAt, to: &output)
            }
        } catch {
            output.removeLast(output.count - start)
            throw error
        }
    }

    private static func append(
        _ json: UnsafeRawBufferPointer, _ number: Int, keepsReceivedAt: Bool,
        to output: inout [UInt8]
    ) throws(JSONError) {
        var reader = JSONReader(json)
        var separator: StaticString = "{"
        var isEmpty = true
        var hasID = false
        try reader.beginObject()
        while let key = try reader.nextKey() {
            let value = try reader.skipValue()
            // An export has them, and a store gives its own.
            let given = EventField.allCases.first { $0.isGivenByStore && key.equals($0.name) }
            if let given, given != .receivedAt || !keepsReceivedAt { continue }
            // A NULL id is one that version 1 let pass.
            if key.equals("id") {
                if value.raw.elementsEqual("null".utf8) { continue }
                hasID = true
            }
            output.append(separator)
            separator = ","
            isEmpty = false
            output.append("\"")
            output.append(contentsOf: key.raw)
            output.append("\":")
            value.appendCompact(to: &output)
        }
        try reader.expectEnd()
        if !hasID {
            output.append(separator)
            isEmpty = false
            output += Array("\"id\":\"import_\(FNV1a.hash(json).hexadecimal)_\(number)\"".utf8)
        }
        output.append(isEmpty ? "{}\n" : "}\n")
    }
}
