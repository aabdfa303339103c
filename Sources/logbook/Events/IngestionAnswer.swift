import JSON

/// A server's report on the lines of a stream.
struct IngestionAnswer {
    private(set) var accepted = 0
    private(set) var duplicates = 0
    private(set) var rejected = 0
    private(set) var expired = 0
    /// The first rejected lines, counted from 0.
    private(set) var errors: [(line: Int, detail: String)] = []
    /// The lines that it reports on.
    var lines: Int { accepted + duplicates + rejected }

    /// Reads a summary; nil if `body` is not one.
    init?(summary body: [UInt8]) {
        do throws(JSONError) { try read(body) } catch { return nil }
    }

    /// Reads the 422 that says none of `lines` can be stored.
    init(refusal body: [UInt8], lines: Int) {
        do throws(JSONError) { try read(body) } catch {
            // The answer's own detail is reported.
        }
        (accepted, duplicates, rejected) = (0, 0, lines)
    }

    private mutating func read(_ body: [UInt8]) throws(JSONError) {
        try body.span.withUnsafeBytes { bytes throws(JSONError) in
            var reader = JSONReader(bytes)
            try reader.beginObject()
            while let key = try reader.nextKey() {
                if key.equals("accepted") {
                    accepted = try reader.readCount()
                } else if key.equals("duplicates") {
                    duplicates = try reader.readCount()
                } else if key.equals("rejected") {
                    rejected = try reader.readCount()
                } else if key.equals("expired") {
                    expired = try reader.readCount()
                } else if key.equals("errors") {
                    try reader.beginArray()
                    while try reader.nextElement() { try readError(&reader) }
                } else {
                    _ = try reader.skipValue()
                }
            }
        }
    }

    /// Reads `{"index":3,"detail":"…"}` of a summary, or `{"pointer":"/3/title","detail":"…"}` of a
    /// 422.
    private mutating func readError(_ reader: inout JSONReader) throws(JSONError) {
        var line = 0
        var field = ""
        var detail = ""
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key.equals("index") {
                line = try reader.readCount()
            } else if key.equals("pointer") {
                let parts = try reader.readString().string.split(separator: "/", maxSplits: 1)
                line = parts.first.flatMap { Int($0) } ?? 0
                field = parts.count > 1 ? "\(parts[1]) " : ""
            } else if key.equals("detail") {
                detail = try reader.readString().string
            } else {
                _ = try reader.skipValue()
            }
        }
        errors.append((line, field + detail))
    }
}
