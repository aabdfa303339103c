import JSON

/// The text that leads from one page to the next: the position where the page ended, bound to its
/// filters and order.
///
/// Hexadecimal digits of: the format (1 byte), a check over everything else (8), the moment that
/// ages are counted from (8), seq (8), in the cursor of a folded list the highest seq of the list
/// (8), created_at. The check detects altered cursors and those of another query. It is not a secret
/// and need not be: a cursor reveals nothing that the filters do not.
enum Cursor {
    private static let format: UInt8 = 1
    private static let foldedFormat: UInt8 = 2
    private static let headerBytes = 25
    private static let foldedHeaderBytes = headerBytes + 8
    /// The longest that fits in a request target. The limit is needed because a file may hold any
    /// text as created_at.
    private static let maxBytes = 4000
    static let longestTime = maxBytes - foldedHeaderBytes

    static func text(
        _ position: EventQuery.Position, moment: Timestamp, signature: [UInt8]
    ) -> String {
        var payload: [UInt8] = []
        append(UInt64(bitPattern: moment.milliseconds), to: &payload)
        append(UInt64(bitPattern: position.seq), to: &payload)
        if let seq = position.lastFoldedSeq { append(UInt64(bitPattern: seq), to: &payload) }
        payload.append(contentsOf: position.createdAt.utf8)
        var bytes = [position.lastFoldedSeq == nil ? format : foldedFormat]
        append(check(payload, signature), to: &bytes)
        bytes += payload
        var digits: [UInt8] = []
        for byte in bytes {
            digits.append((byte >> 4).hexDigit)
            digits.append((byte & 15).hexDigit)
        }
        return String(decoding: digits, as: UTF8.self)
    }

    /// The moment of the first page, unchecked: `position` checks it.
    static func moment(_ text: String) throws(QueryError) -> Timestamp {
        let bytes = try decode(text)
        guard let moment = Timestamp(milliseconds: Int64(bitPattern: integer(bytes, 9))) else {
            throw invalid
        }
        return moment
    }

    /// Reads the position.
    ///
    /// - Parameter isFolded: true for the cursor of a folded list.
    static func position(
        _ text: String, isFolded: Bool, signature: [UInt8]
    ) throws(QueryError) -> EventQuery.Position {
        let bytes = try decode(text)
        let header = isFolded ? foldedHeaderBytes : headerBytes
        guard bytes[0] == (isFolded ? foldedFormat : format), bytes.count >= header,
            integer(bytes, 1) == check(bytes[9...], signature),
            let createdAt = String(validating: bytes[header...], as: UTF8.self)
        else { throw invalid }
        return EventQuery.Position(
            createdAt: createdAt, seq: Int64(bitPattern: integer(bytes, 17)),
            lastFoldedSeq: isFolded ? Int64(bitPattern: integer(bytes, headerBytes)) : nil)
    }

    private static let invalid = QueryError(
        parameter: "cursor",
        detail:
            "was altered, or belongs to other filters or another order; start over without it"
    )

    private static func decode(_ text: String) throws(QueryError) -> [UInt8] {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2), (headerBytes...maxBytes).contains(digits.count / 2)
        else {
            throw invalid
        }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index].lowercaseHexDigitValue,
                let low = digits[index + 1].lowercaseHexDigitValue
            else {
                throw invalid
            }
            bytes.append(high << 4 | low)
        }
        guard bytes[0] == format || bytes[0] == foldedFormat else { throw invalid }
        return bytes
    }

    private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    private static func integer(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
        bytes[offset..<(offset + 8)].reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func check(_ payload: some Sequence<UInt8>, _ signature: [UInt8]) -> UInt64 {
        var hash = FNV1a()
        for byte in payload { hash.take(byte) }
        for byte in signature { hash.take(byte) }
        return hash.hash
    }
}
