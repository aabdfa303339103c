/// A failure of the harness rather than of an expectation, for the test's log.
struct HarnessError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
