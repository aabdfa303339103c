extension String {
    /// Lends the text's bytes, in memory of exactly their size.
    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try Array(utf8).span.withUnsafeBytes(body)
    }
}
