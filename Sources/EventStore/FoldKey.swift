public import Events
import System

/// The key shared by events that are alike: those with the same object and reason, and equal in every
/// other field that has a filter. Every store computes it when it stores an event.
///
/// The key is the first 64 bits of SHA-256 over a version byte and the fields, each with its length
/// before it. Null differs from the empty text. Without a reason, the title takes its place.
public enum FoldKey {
    /// Changes with the rule, because a file may then hold keys of both rules.
    private static let version: UInt8 = 1
    private static let fields: [EventField] = [
        .cluster, .eventType, .severity, .objectKind, .objectNamespace, .objectName, .reason,
    ]

    /// The key of `event`.
    public static func of(_ event: EventView) -> Int64 {
        var text: [UInt8] = []
        text.reserveCapacity(256)
        text.append(version)
        for field in fields { append(event[field], to: &text) }
        if event[.reason] == nil { append(event[.title], to: &text) }
        let digest = text.withUnsafeBytes(SHA256Digest.of)
        return Int64(bitPattern: digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// Appends the length in four bytes, the highest first, and the bytes; for null, a length that no
    /// text has.
    private static func append(_ value: UnsafeRawBufferPointer?, to text: inout [UInt8]) {
        let length = value.map { UInt32(clamping: $0.count) } ?? .max
        for shift in stride(from: 24, through: 0, by: -8) {
            text.append(UInt8(truncatingIfNeeded: length >> UInt32(shift)))
        }
        if let value { text.append(contentsOf: value) }
    }
}
