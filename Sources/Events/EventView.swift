import JSON

/// The values that the store gives an event when it commits it.
public struct EventReceipt: Equatable, Sendable {
    /// The event's seq.
    public let seq: Int64
    /// The time of the commit, in milliseconds since 1970.
    public let receivedAt: Int64
    /// The key that the event is folded by: 64 bits of a hash; nil for none.
    public let foldKey: Int64?
    /// The number of occurrences, if the store computed it; otherwise nil.
    public let occurrences: Int64?

    /// Creates a receipt.
    public init(
        seq: Int64, receivedAt: Int64, foldKey: Int64? = nil, occurrences: Int64? = nil
    ) {
        self.seq = seq
        self.receivedAt = receivedAt
        self.foldKey = foldKey
        self.occurrences = occurrences
    }
}

/// An event's fields as borrowed UTF-8 bytes, of an `Event` or a row being read. `nil` is null.
///
/// Valid only as long as the owner of the bytes says.
public struct EventView {
    /// The number that the store assigned at the commit.
    public var seq: Int64
    /// The number of occurrences that the event reports.
    public var occurrences: Int64 = 1
    /// The time of the commit, in milliseconds since 1970.
    public var receivedAt: Int64 = 0
    /// The key that the event is folded by: 64 bits of a hash; nil for none.
    public var foldKey: Int64?
    /// The totals of the group that the event represents in a folded list; otherwise nil.
    public var fold: EventFold?
    private var texts: InlineArray<12, UnsafeRawBufferPointer?>

    /// Creates an empty view, to be filled in.
    public init(seq: Int64) {
        self.seq = seq
        texts = .init(repeating: nil)
    }

    /// The values that the store gave.
    public var receipt: EventReceipt {
        EventReceipt(
            seq: seq, receivedAt: receivedAt, foldKey: foldKey, occurrences: occurrences)
    }

    /// The bytes of `field`, which is one of `EventField.texts`.
    public subscript(field: EventField) -> UnsafeRawBufferPointer? {
        get { texts[field.rawValue] }
        set { texts[field.rawValue] = newValue }
    }

    /// The bytes of all fields together.
    public var byteCount: Int {
        var count = 0
        for index in texts.indices { count += texts[index]?.count ?? 0 }
        return count
    }

    /// Appends the event as the JSON object of the contract, with every field and with metadata
    /// unchanged.
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
        output.append(",\"cluster\":")
        append(.cluster, to: &output)
        output.append(",\"reason\":")
        append(.reason, to: &output)
        output.append(",\"occurrences\":")
        append(.occurrences, to: &output)
        output.append(",\"received_at\":")
        append(.receivedAt, to: &output)
        output.append(",\"fold_key\":")
        append(.foldKey, to: &output)
        output.append(",\"seq\":")
        append(.seq, to: &output)
        fold?.appendMember(to: &output)
        output.append("}")
    }

    /// Appends one field as JSON.
    func append(_ field: EventField, to output: inout [UInt8]) {
        switch field {
        case .occurrences, .seq: appendText(field, to: &output)
        case .foldKey where foldKey == nil: output.append("null")
        case .receivedAt, .foldKey:
            output.append("\"")
            appendText(field, to: &output)
            output.append("\"")
        case .metadata where self[field] != nil: appendText(field, to: &output)
        default:
            guard let bytes = self[field] else { return output.append("null") }
            output.appendJSONString(bytes)
        }
    }

    /// Appends one field as text, without quotes; nothing for null.
    func appendText(_ field: EventField, to output: inout [UInt8]) {
        switch field {
        case .occurrences: output.appendInteger(Int(occurrences))
        case .seq: output.appendInteger(Int(seq))
        case .receivedAt: Timestamp(clamping: receivedAt).append(to: &output)
        case .foldKey:
            if let foldKey { output.appendHexadecimal(UInt64(bitPattern: foldKey)) }
        case .metadata:
            guard let bytes = self[field] else { return }
            if let repaired = StorableMetadata(repairingServed: bytes) {
                output.append(contentsOf: repaired.bytes)
            } else {
                output.append(contentsOf: bytes)
            }
        default:
            if let bytes = self[field] { output.append(contentsOf: bytes) }
        }
    }
}
