import Glibc

/// The types that the contract names. An event may have any other.
public enum EventType: String, CaseIterable, Sendable {
    case cluster, `operator`, insight, assessment, health, system

    private static let names = allCases.map { (type: $0, bytes: Array($0.rawValue.utf8)) }

    /// The type that `text` names; nil if it is another.
    public init?(_ text: UnsafeRawBufferPointer) {
        for name in Self.names where name.bytes.count == text.count {
            guard memcmp(name.bytes, text.baseAddress!, text.count) != 0 else {
                self = name.type
                return
            }
        }
        return nil
    }
}
