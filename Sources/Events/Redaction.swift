import JSON

/// Removes from metadata what should not have been sent: the values of keys that name a secret, at
/// any depth.
public struct Redaction: Sendable {
    /// Letters and digits in lower case, reversed.
    private let names: [[UInt8]]

    private static let replacement = Array("\"[REDACTED]\"".utf8)

    /// The default keys.
    public static let usualKeys = [
        "password", "passwd", "passphrase", "secret", "token", "api_key", "access_key",
        "private_key", "authorization", "credentials", "cookie",
    ]

    /// Redacts keys that end with one of `keys`, ignoring case, hyphens and the like: `api_key`
    /// also covers `apiKey` and `X-API-Key`.
    public init(keys: [String]) {
        names = keys.map { key in
            key.utf8.reversed().filter(Self.isSignificant).map(Self.lowercase)
        }
    }

    /// `metadata`, a valid JSON object, with its secrets redacted; nil if it has none. Null is not
    /// a secret.
    func redact(_ metadata: UnsafeRawBufferPointer) throws(JSONError) -> [UInt8]? {
        var secrets: [Range<Int>] = []
        var reader = JSONReader(metadata)
        try find(&secrets, &reader)
        guard !secrets.isEmpty else { return nil }
        var redacted: [UInt8] = []
        redacted.reserveCapacity(metadata.count + secrets.count * Self.replacement.count)
        var end = 0
        for secret in secrets {
            redacted.append(contentsOf: metadata[end..<secret.lowerBound])
            redacted.append(contentsOf: Self.replacement)
            end = secret.upperBound
        }
        redacted.append(contentsOf: metadata[end...])
        return redacted
    }

    /// Appends the positions of secrets in the next value, which is nested no deeper than metadata
    /// may be.
    private func find(
        _ secrets: inout [Range<Int>], _ reader: inout JSONReader
    ) throws(JSONError) {
        switch try reader.peekKind() {
        case .object:
            try reader.beginObject()
            while let key = try reader.nextKey() {
                let isSecret = names(key)
                guard isSecret, try reader.peekKind() != .null else {
                    try find(&secrets, &reader)
                    continue
                }
                let value = try reader.skipValue()
                secrets.append(reader.offset - value.raw.count..<reader.offset)
            }
        case .array:
            try reader.beginArray()
            while try reader.nextElement() { try find(&secrets, &reader) }
        default:
            _ = try reader.skipValue()
        }
    }

    private func names(_ key: JSONString) -> Bool {
        guard key.hasEscapes else { return ends(key.raw) }
        var decoded: [UInt8] = []
        key.append(to: &decoded)
        return decoded.withUnsafeBytes(ends)
    }

    private func ends(_ key: UnsafeRawBufferPointer) -> Bool {
        names.contains { name in
            var index = key.count
            for byte in name {
                repeat {
                    index -= 1
                    if index < 0 { return false }
                } while !Self.isSignificant(key[index])
                if Self.lowercase(key[index]) != byte { return false }
            }
            return true
        }
    }

    /// True for bytes that do not separate words. Non-ASCII bytes belong to other words.
    private static func isSignificant(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x80...:
            true
        default: false
        }
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
    }
}
