import JSON
import System

/// Log records in protocol buffers. The numbers of the fields are those of
/// https://github.com/open-telemetry/opentelemetry-proto, v1.
enum OTLPProtobuf {
    /// Passes the records of an ExportLogsServiceRequest on to `batch`.
    ///
    /// - Throws: if the frame around the records is broken; those before are with the batch.
    static func read(
        _ request: UnsafeRawBufferPointer, into batch: SenderBatch
    ) throws(ProtobufError) {
        try forEach(1, in: request) { logs throws(ProtobufError) in
            var context = OTLPContext()
            // The resource may come after the records.
            try forEach(1, in: logs) { resource throws(ProtobufError) in
                context.digest = SHA256Digest.of(resource)
                try forEach(1, in: resource) { attribute throws(ProtobufError) in
                    try append(attribute, to: &context.resource.attributes)
                }
            }
            try forEach(2, in: logs) { scopeLogs throws(ProtobufError) in
                var context = context
                try forEach(1, in: scopeLogs) { scope throws(ProtobufError) in
                    context.scope = try origin(scope)
                }
                context.prepare()
                try forEach(2, in: scopeLogs) { record in
                    do throws(ProtobufError) {
                        try read(record).add(record, of: context, to: batch)
                    } catch {
                        batch.reject("the record is not valid: \(error)", .malformed)
                    }
                }
            }
        }
    }

    /// Calls `body` for each message with this number in `message`.
    private static func forEach(
        _ number: Int, in message: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws(ProtobufError) -> Void
    ) throws(ProtobufError) {
        var reader = ProtobufReader(message)
        while let field = try reader.next() {
            if field.number == number { try body(try field.bytes()) }
        }
    }

    private static func read(_ message: UnsafeRawBufferPointer) throws(ProtobufError) -> OTLPRecord
    {
        var record = OTLPRecord()
        var reader = ProtobufReader(message)
        while let field = try reader.next() {
            switch field.number {
            case 1: record.time = try field.fixed64()
            case 2: record.severityNumber = Int(truncatingIfNeeded: try field.varint())
            case 3: record.severityText = try field.text()
            case 5: record.body = try value(try field.bytes())
            case 6: try append(try field.bytes(), to: &record.attributes)
            case 7: record.droppedAttributes = try field.varint()
            case 8: record.flags = UInt64(try field.fixed32())
            case 9: record.traceID = try field.bytes().hexadecimal
            case 10: record.spanID = try field.bytes().hexadecimal
            case 11: record.observedTime = try field.fixed64()
            case 12: record.eventName = try field.text()
            default: break
            }
        }
        return record
    }

    private static func origin(_ scope: UnsafeRawBufferPointer) throws(ProtobufError) -> OTLPOrigin
    {
        var origin = OTLPOrigin()
        var reader = ProtobufReader(scope)
        while let field = try reader.next() {
            switch field.number {
            case 1: origin.name = try field.text()
            case 2: origin.version = try field.text()
            case 3: try append(try field.bytes(), to: &origin.attributes)
            default: break
            }
        }
        return origin
    }

    // MARK: Values

    private static func append(
        _ keyValue: UnsafeRawBufferPointer, to attributes: inout OTLPAttributes, depth: Int = 0
    ) throws(ProtobufError) {
        var key = ""
        var found = OTLPValue(json: Array("null".utf8))
        var reader = ProtobufReader(keyValue)
        while let field = try reader.next() {
            switch field.number {
            case 1: key = try field.text()
            case 2: found = try value(try field.bytes(), depth: depth)
            default: break
            }
        }
        attributes.append(key, found)
    }

    /// AnyValue: string 1, bool 2, int 3, double 4, array 5, kvlist 6, bytes 7; the last one counts.
    private static func value(
        _ message: UnsafeRawBufferPointer, depth: Int = 0
    ) throws(ProtobufError) -> OTLPValue {
        var found = OTLPValue(json: Array("null".utf8))
        guard depth < OTLPValue.mostDepth else { return found }
        var reader = ProtobufReader(message)
        while let field = try reader.next() {
            var json: [UInt8] = []
            switch field.number {
            case 1:
                found = .text(try field.text())
                continue
            case 2: json.append(try field.varint() != 0 ? "true" : "false")
            case 3: json.appendInteger(Int(truncatingIfNeeded: try field.varint()))
            case 4: OTLPValue.append(Double(bitPattern: try field.fixed64()), to: &json)
            case 5:
                json.append("[")
                try forEach(1, in: try field.bytes()) { element throws(ProtobufError) in
                    if json.count > 1 { json.append(",") }
                    json.append(contentsOf: try value(element, depth: depth + 1).json)
                }
                json.append("]")
            case 6:
                var members = OTLPAttributes()
                try forEach(1, in: try field.bytes()) { member throws(ProtobufError) in
                    try append(member, to: &members, depth: depth + 1)
                }
                json = members.json
            case 7: json.appendJSONString(Base64.encode(try field.bytes()))
            default: continue
            }
            found = OTLPValue(json: json)
        }
        return found
    }
}
