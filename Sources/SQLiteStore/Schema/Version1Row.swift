import Events
import JSON

/// The repair of a row of version 1, whose writer checked nothing, for migration or import.
struct Version1Row {
    /// The new metadata; nil if it is unchanged.
    private(set) var metadata: [UInt8]?
    /// The new `created_at`; nil if it is unchanged, empty if the old one is not a time.
    private(set) var createdAt: [UInt8]?
    /// `metadata.reason`, if it is a text of acceptable length.
    private(set) var reason: [UInt8]?
    /// True if its metadata was not a JSON object.
    private(set) var hasOddMetadata = false
    /// True if its `created_at` was not a time from 1970 to 2099.
    private(set) var hasOddTime = false

    init(_ row: EventView) {
        if let repaired = row[.metadata].flatMap(StorableMetadata.init(repairing:)) {
            hasOddMetadata = !repaired.wasObject
            metadata = repaired.bytes
        }
        if let text = row[.createdAt] {
            if let time = Timestamp(rfc3339: text), Timestamp.storable.contains(time) {
                let canonical = Array(time.text.utf8)
                if !canonical.elementsEqual(text) { createdAt = canonical }
            } else {
                hasOddTime = true
                createdAt = []
            }
        }
        let object = metadata ?? row[.metadata].map(Array.init) ?? Array("{}".utf8)
        let found = object.withUnsafeBytes(Self.look)
        reason = found.reason
        if hasOddTime, let text = row[.createdAt] {
            metadata = Self.with(
                text, under: found.hasTime ? "version1_created_at" : "created_at", object)
        }
    }

    /// Searches an object for a reason and for a `created_at`.
    private static func look(
        _ object: UnsafeRawBufferPointer
    ) -> (reason: [UInt8]?, hasTime: Bool) {
        var reader = JSONReader(object)
        var reason: [UInt8]?
        var hasTime = false
        do {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                if key.equals("created_at") { hasTime = true }
                if key.equals("reason"), try reader.peekKind() == .string {
                    let text = try reader.readString().string
                    if text.unicodeScalars.count <= EventRules.nameCharacters {
                        reason = Array(text.utf8)
                    }
                } else {
                    _ = try reader.skipValue()
                }
            }
        } catch {
            preconditionFailure("it was made an object before: \(error)")
        }
        return (reason, hasTime)
    }

    /// `object` with one more member, a text.
    private static func with(
        _ text: UnsafeRawBufferPointer, under key: StaticString, _ object: [UInt8]
    ) -> [UInt8] {
        let end = object.lastIndex(of: UInt8(ascii: "}")) ?? object.endIndex
        var result = Array(object[..<end])
        while result.last == UInt8(ascii: " ") || result.last == UInt8(ascii: "\t") {
            result.removeLast()
        }
        if result.last != UInt8(ascii: "{") { result.append(UInt8(ascii: ",")) }
        result.append("\"")
        result.append(key)
        result.append("\":")
        result.appendJSONString(text)
        result.append("}")
        return result
    }
}
