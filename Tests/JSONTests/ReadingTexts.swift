import JSON

/// Runs `body` with a reader over `text`.
func withReader<Result>(
    _ text: [UInt8], depthLimit: Int = 512, _ body: (inout JSONReader) throws -> Result
) rethrows -> Result {
    try text.withUnsafeBytes { bytes in
        var reader = JSONReader(bytes, depthLimit: depthLimit)
        return try body(&reader)
    }
}

func withReader<Result>(
    _ text: String, depthLimit: Int = 512, _ body: (inout JSONReader) throws -> Result
) rethrows -> Result {
    try withReader(Array(text.utf8), depthLimit: depthLimit, body)
}

/// The error that `skipValue` and `expectEnd` find in a whole text, if any.
func skippingError(_ text: [UInt8], depthLimit: Int = 512) -> JSONError? {
    withReader(text, depthLimit: depthLimit) { reader in
        do throws(JSONError) {
            _ = try reader.skipValue()
            try reader.expectEnd()
            return nil
        } catch {
            return error
        }
    }
}

func skippingError(_ text: String, depthLimit: Int = 512) -> JSONError? {
    skippingError(Array(text.utf8), depthLimit: depthLimit)
}

func bytes(_ write: (inout [UInt8]) -> Void) -> [UInt8] {
    var output: [UInt8] = []
    write(&output)
    return output
}

func written(_ write: (inout [UInt8]) -> Void) -> String {
    String(decoding: bytes(write), as: UTF8.self)
}
