import ArgumentParser

extension ExitCode {
    /// The program must not touch a database file.
    static let refused = ExitCode(3)
}
