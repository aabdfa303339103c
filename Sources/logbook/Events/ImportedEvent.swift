import Events
import HTTPServer
import JSON
import System

/// An item in the form that is sent: on one line, without the store's fields, and with an id, so
/// that it can be sent again.
enum ImportedEvent {
    /// Appends `item` as a line.
    ///
    /// - Parameter keepsReceivedAt: true to include its `received_at`.
    /// - Throws: if it is not a JSON object; `output` is then unchanged.
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
            // An export has these fields, and each store sets its own.
            let given = EventField.allCases.first { $0.isGivenByStore && key.equals($0.name) }
            if let given, given != .receivedAt || !keepsReceivedAt { continue }
            // Version 1 allowed a NULL id.
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
