/// The rules that every event obeys, whether it comes as JSON or is built in code (docs/api.md).
public enum EventRules {
    /// Characters of a title.
    public static let titleCharacters = 1024
    /// Bytes of a description.
    public static let descriptionBytes = 65_536
    /// Characters of kind, namespace, name, cluster and reason.
    public static let nameCharacters = 253
    static let metadataBytes = 262_144
    static let metadataDepth = 64
    static let typeBytes = 64

    /// Returns true if an event may have this id.
    public static func isID(_ text: String) -> Bool { EventID.isValid(text.utf8) }

    /// Returns true if a cluster may have this name.
    public static func isClusterName(_ text: String) -> Bool {
        (1...nameCharacters).contains(text.unicodeScalars.count)
    }

    /// Returns true if an event may have this type.
    public static func isType(_ text: String) -> Bool { isValidType(text.utf8) }

    /// The rule that a text field's value breaks; nil if it breaks none.
    static func problem(_ field: EventField, _ value: UnsafeRawBufferPointer) -> String? {
        switch field {
        case .id:
            return EventID.isValid(value)
                ? nil
                : "must be 1 to 128 characters of A-Z a-z 0-9 . _ : -, other than . and .., not \(quoted(value))"
        case .eventType:
            return isValidType(value)
                ? nil
                : "must be 1 to \(typeBytes) characters of a-z 0-9 . _ - that start with a letter, "
                    + "not \(quoted(value))"
        case .severity:
            return Severity(rawValue: String(decoding: value, as: UTF8.self)) == nil
                ? "must be one of \(Severity.list), not \(quoted(value))" : nil
        case .title:
            let count = characters(value)
            return (1...titleCharacters).contains(count)
                ? nil : "must have 1 to \(titleCharacters) characters; it has \(count)"
        case .description:
            return value.count > descriptionBytes
                ? "must have at most \(descriptionBytes) bytes of UTF-8; it has \(value.count)"
                : nil
        case .objectKind, .objectNamespace, .objectName, .cluster, .reason:
            let count = characters(value)
            return count > nameCharacters
                ? "must have at most \(nameCharacters) characters; it has \(count)" : nil
        case .metadata, .createdAt, .occurrences, .receivedAt, .foldKey, .seq:
            return nil
        }
    }

    /// Returns true if `value` is 1 to 64 of `a-z 0-9 . _ -`, starting with a letter.
    static func isValidType(_ value: some Collection<UInt8>) -> Bool {
        guard let first = value.first, (1...typeBytes).contains(value.count) else { return false }
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        return letters.contains(first)
            && value.allSatisfy { byte in
                letters.contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                    || byte == UInt8(ascii: "-")
            }
    }

    /// The number of Unicode scalars: bytes of valid UTF-8 that begin one.
    static func characters(_ utf8: UnsafeRawBufferPointer) -> Int {
        var count = 0
        for byte in utf8 where byte & 0xC0 != 0x80 { count += 1 }
        return count
    }

    /// The form of a value in errors, cut to a few words.
    public static func quoted(_ value: some Collection<UInt8>) -> String {
        // Scalars are counted, because a character can have any number of them. A scalar cut in the
        // middle is never shown, because 256 bytes are more than 40 scalars.
        let text = String(decoding: value.prefix(256), as: UTF8.self).unicodeScalars
        return text.count <= 40 ? "'\(text)'" : "'\(String(text.prefix(40)))…'"
    }
}

/// An error in a field of an incoming event.
public struct FieldError: Error, Equatable, Sendable {
    /// RFC 6901, relative to the event: `/severity`; empty for the event itself.
    public let pointer: String
    /// The finding and the correction.
    public let detail: String

    /// Creates an error of a field.
    public init(pointer: String, detail: String) {
        self.pointer = pointer
        self.detail = detail
    }
}

extension [FieldError] {
    /// All of them as a part of a sentence.
    public var sentence: String {
        map { $0.pointer.isEmpty ? $0.detail : "\($0.pointer.dropFirst()) \($0.detail)" }
            .joined(separator: "; ")
    }
}
