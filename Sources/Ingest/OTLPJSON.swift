import JSON
import System

/// Log records in OTLP's JSON: 64-bit numbers are texts or numbers, ids are hexadecimal, and unknown
/// fields are ignored (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
enum OTLPJSON {
    /// Passes the records of a request that was read before on to `batch`.
    static func read(_ request: OutermostMembers, into batch: SenderBatch) {
        forEach(request["resourceLogs"]) { logs in
            var context = OTLPContext()
            if let resource = logs.object("resource") {
                context.digest = SHA256Digest.of(resource.raw)
                context.resource.attributes = attributes(resource["attributes"])
            }
            forEach(logs["scopeLogs"]) { scopeLogs in
                var context = context
                if let scope = scopeLogs.object("scope") {
                    context.scope.name = scope.string("name") ?? ""
                    context.scope.version = scope.string("version") ?? ""
                    context.scope.attributes = attributes(scope["attributes"])
                }
                context.prepare()
                guard let records = scopeLogs["logRecords"], records.isArray else { return }
                SenderJSON.forEach(in: records) { record in
                    guard record.isObject else {
                        return batch.reject("a log record must be an object")
                    }
                    read(record.members).add(record.raw, of: context, to: batch)
                }
            }
        }
    }

    /// Calls `body` for each object in an array.
    private static func forEach(_ array: JSONSlice?, _ body: (OutermostMembers) -> Void) {
        guard let array, array.isArray else { return }
        SenderJSON.forEach(in: array) { element in
            if element.isObject { body(element.members) }
        }
    }

    private static func read(_ members: OutermostMembers) -> OTLPRecord {
        func number(_ name: StaticString) -> UInt64 {
            members.scalar(name).flatMap(UInt64.init) ?? 0
        }
        var record = OTLPRecord()
        record.time = number("timeUnixNano")
        record.observedTime = number("observedTimeUnixNano")
        record.severityNumber = members.scalar("severityNumber").flatMap(Int.init) ?? 0
        record.severityText = members.string("severityText") ?? ""
        record.body = members.object("body").map { value($0) }
        record.attributes = attributes(members["attributes"])
        record.droppedAttributes = number("droppedAttributesCount")
        record.flags = number("flags")
        record.traceID = members.string("traceId") ?? ""
        record.spanID = members.string("spanId") ?? ""
        record.eventName = members.string("eventName") ?? ""
        return record
    }

    private static func attributes(_ list: JSONSlice?, depth: Int = 0) -> OTLPAttributes {
        var attributes = OTLPAttributes()
        forEach(list) { attribute in
            attributes.append(
                attribute.string("key") ?? "",
                attribute.object("value").map { value($0, depth: depth) }
                    ?? OTLPValue(json: Array("null".utf8)))
        }
        return attributes
    }

    private static func value(_ members: OutermostMembers, depth: Int = 0) -> OTLPValue {
        guard depth < OTLPValue.mostDepth else { return OTLPValue(json: Array("null".utf8)) }
        if let text = members.string("stringValue") { return .text(text) }
        if let array = members.object("arrayValue") {
            var json: [UInt8] = []
            json.append("[")
            forEach(array["values"]) { element in
                if json.count > 1 { json.append(",") }
                json.append(contentsOf: value(element, depth: depth + 1).json)
            }
            json.append("]")
            return OTLPValue(json: json)
        }
        if let list = members.object("kvlistValue") {
            return OTLPValue(json: attributes(list["values"], depth: depth + 1).json)
        }
        if let bytes = members.string("bytesValue") {
            return OTLPValue(json: OTLPValue.text(bytes).json)
        }
        for name: StaticString in ["boolValue", "intValue", "doubleValue"] {
            guard let text = members.scalar(name) else { continue }
            return isNumber(text) || text == "true" || text == "false"
                ? OTLPValue(json: Array(text.utf8)) : OTLPValue(json: OTLPValue.text(text).json)
        }
        return OTLPValue(json: Array("null".utf8))
    }

    /// True for a number of JSON.
    private static func isNumber(_ text: String) -> Bool {
        Array(text.utf8).withUnsafeBytes { bytes in
            var reader = JSONReader(bytes)
            do throws(JSONError) {
                let kind = try reader.peekKind()
                _ = try reader.skipValue()
                return kind == .number && reader.atEnd() && reader.offset == bytes.count
            } catch {
                return false
            }
        }
    }
}
