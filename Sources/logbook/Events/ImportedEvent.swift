import Events
import HTTPServer
import Ingest
import JSON
import System

/// An item in the form that is sent: on one line, without the store's fields, and with an id, so
/// that it can be sent again.
enum ImportedEvent {
    /// The forms of an event of another program's format.
    enum Form {
        /// As it was read; the server converts it.
        case sent
        /// As the server will store it, with this cluster if it names none.
        case stored(cluster: String?)
    }

    /// Appends `item` as a line.
    ///
    /// - Parameter keepsReceivedAt: true to include its `received_at`.
    /// - Returns: the reason it cannot be an event; nil if it can, or if it contains nothing to
    ///   store.
    /// - Throws: if it is not a JSON object; `output` is then unchanged.
    static func append(
        _ item: ImportSource.Item, as form: Form, keepsReceivedAt: Bool,
        to output: inout [UInt8]
    ) throws(JSONError) -> String? {
        let start = output.count
        do throws(JSONError) {
            var cluster: String?
            if case .stored(let name) = form { cluster = name }
            guard
                let foreign = try EventFormats.readForeign(
                    item.json, now: Timestamp.now(), IngestOptions(cluster: cluster))
            else {
                try appendNative(item, cluster, keepsReceivedAt: keepsReceivedAt, to: &output)
                return nil
            }
            for case .invalid(let errors) in foreign.items {
                return errors.map { "\($0.pointer.dropFirst()) \($0.detail)" }
                    .joined(separator: "; ")
            }
            for case .event(let event) in foreign.items {
                guard case .stored = form else {
                    output += foreign.json
                    output.append(UInt8(ascii: "\n"))
                    continue
                }
                var converted = item
                converted.json = []
                event.withView { $0.appendJSON(to: &converted.json) }
                try appendNative(converted, cluster, keepsReceivedAt: false, to: &output)
            }
            return nil
        } catch {
            output.removeLast(output.count - start)
            throw error
        }
    }

    private static func appendNative(
        _ item: ImportSource.Item, _ cluster: String?, keepsReceivedAt: Bool,
        to output: inout [UInt8]
    ) throws(JSONError) {
        try item.json.span.withUnsafeBytes { bytes throws(JSONError) in
            try append(bytes, item.number, cluster, keepsReceivedAt: keepsReceivedAt, to: &output)
        }
    }

    private static func append(
        _ json: UnsafeRawBufferPointer, _ number: Int, _ cluster: String?, keepsReceivedAt: Bool,
        to output: inout [UInt8]
    ) throws(JSONError) {
        var reader = JSONReader(json)
        var separator: StaticString = "{"
        var isEmpty = true
        var hasID = false
        var cluster = cluster
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
            if cluster != nil, key.equals("cluster") {
                if value.raw.elementsEqual("null".utf8) { continue }
                cluster = nil
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
        if let cluster {
            output.append(",\"cluster\":")
            output.appendJSONString(cluster)
        }
        output.append(isEmpty ? "{}\n" : "}\n")
    }
}
