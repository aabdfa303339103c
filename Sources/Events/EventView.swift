import JSON

/// An event's fields as UTF-8 bytes that somebody else holds: an `Event`, or a row being read.
/// `nil` is null.
///
/// Valid only as long as its holder says.
public struct EventView {
    /// The number that the store gave on commit.
    public var seq: Int64
    private var fields: InlineArray<13, UnsafeRawBufferPointer?>

    /// A view of nothing, to be filled in.
    public init(seq: Int64) {
        self.seq = seq
        fields = .init(repeating: nil)
    }

    /// The bytes of `field`.
    public subscript(field: EventField) -> UnsafeRawBufferPointer? {
        get { fields[field.rawValue] }
        set { fields[field.rawValue] = newValue }
    }

    /// Appends the event as the JSON object of the contract, every field present; metadata as it
    /// is.
    public func appendJSON(to output: inout [UInt8]) {
        output.append("{\"id\":")
        append(.id, to: &output)
        output.append(",\"event_type\":")
        append(.eventType, to: &output)
        output.append(",\"severity\":")
        append(.severity, to: &output)
        output.append(",\"title\":")
        append(.title, to: &output)
        output.append(",\"description\":")
        append(.description, to: &output)
        output.append(",\"object_kind\":")
        append(.objectKind, to: &output)
        output.append(",\"object_namespace\":")
        append(.objectNamespace, to: &output)
        output.append(",\"object_name\":")
        append(.objectName, to: &output)
        output.append(",\"metadata\":")
        append(.metadata, to: &output)
        output.append(",\"created_at\":")
        append(.createdAt, to: &output)
        output.append(",\"seq\":")
        output.appendInteger(Int(seq))
        output.append("}")
    }

    /// Appends one field as JSON.
    func append(_ field: EventField, to output: inout [UInt8]) {
        guard let bytes = self[field] else { return output.append("null") }
        if field == .metadata {
            output.append(contentsOf: bytes)
        } else {
            output.appendJSONString(bytes)
        }
    }
}
