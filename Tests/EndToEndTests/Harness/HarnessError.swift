/// What went wrong in the harness rather than in an expectation, for the test's log.
struct HarnessError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
