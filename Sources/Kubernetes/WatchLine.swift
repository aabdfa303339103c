import JSON

/// A line of a watch: the kind of change, and the object.
struct WatchLine {
    enum Kind: Equatable {
        case added
        case modified
        case deleted
        case bookmark
        case error
        /// A type that a later API server may send.
        case unknown
    }

    let kind: Kind
    /// The object's JSON, within the line.
    let object: UnsafeRawBufferPointer

    /// nil if it is not JSON or lacks a type or an object.
    init?(_ line: UnsafeRawBufferPointer) {
        var reader = JSONReader(line)
        var kind: Kind?
        var object: UnsafeRawBufferPointer?
        do throws(JSONError) {
            guard try reader.peekKind() == .object else { return nil }
            try reader.beginObject()
            while let key = try reader.nextKey() {
                if key.equals("type"), try reader.peekKind() == .string {
                    kind = Self.kind(try reader.readString())
                } else {
                    let value = try reader.skipValue()
                    if key.equals("object") { object = value.raw }
                }
            }
            try reader.expectEnd()
        } catch {
            return nil
        }
        guard let kind, let object else { return nil }
        self.kind = kind
        self.object = object
    }

    private static func kind(_ type: JSONString) -> Kind {
        if type.equals("ADDED") { return .added }
        if type.equals("MODIFIED") { return .modified }
        if type.equals("DELETED") { return .deleted }
        if type.equals("BOOKMARK") { return .bookmark }
        return type.equals("ERROR") ? .error : .unknown
    }

    /// The object's version; nil if it has none.
    var version: UInt64? { JSONMember.version(["metadata", "resourceVersion"], in: object) }
}

extension JSONMember {
    /// Reads a `resourceVersion`: officially a decimal number, since KEP-5504.
    static func version(_ path: [StaticString], in json: UnsafeRawBufferPointer) -> UInt64? {
        guard let text = text(path, in: json), text.utf8.first != UInt8(ascii: "+") else {
            return nil
        }
        return UInt64(text)
    }
}
