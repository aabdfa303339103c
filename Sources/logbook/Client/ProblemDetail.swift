import JSON

/// What a problem document (RFC 9457) tells a person.
struct ProblemDetail {
    let text: String

    /// nil when `body` is none.
    init?(_ body: [UInt8]) {
        let detail = body.withUnsafeBytes { bytes -> String? in
            var reader = JSONReader(bytes)
            do throws(JSONError) {
                guard try reader.peekKind() == .object else { return nil }
                try reader.beginObject()
                while let key = try reader.nextKey() {
                    if key.equals("detail"), try reader.peekKind() == .string {
                        return try reader.readString().string
                    }
                    _ = try reader.skipValue()
                }
                return nil
            } catch {
                // An answer from something else than this program, a proxy's page for one.
                return nil
            }
        }
        guard let detail else { return nil }
        text = detail
    }
}
