/// The `name=value` pairs of a query string, decoded, in their order.
public struct QueryParameters: Sendable {
    /// Names and values; a name without `=` has the value "".
    public private(set) var pairs: [(name: String, value: String)] = []

    /// Decodes `query`, with `+` as a space.
    ///
    /// - Throws: `400` if a name or a value is not UTF-8. Percent signs were checked with the
    ///   target.
    public init(_ query: UnsafeRawBufferPointer?) throws(HTTPError) {
        guard let query else { return }
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let equals = pair.firstIndex(of: UInt8(ascii: "="))
            let name = UnsafeRawBufferPointer(rebasing: pair[..<(equals ?? pair.endIndex)])
            let value = equals.map { UnsafeRawBufferPointer(rebasing: pair[($0 + 1)...]) }
            pairs.append((try Self.decode(name), try value.map(Self.decode) ?? ""))
        }
    }

    private static func decode(_ text: UnsafeRawBufferPointer) throws(HTTPError) -> String {
        let bytes = PercentEncoding.decode(text, plusIsSpace: true)
        guard let string = String(validating: bytes, as: UTF8.self) else {
            throw HTTPError(
                .badRequest, "The query string is not UTF-8 after percent-decoding.")
        }
        return string
    }
}
