/// How bad an event is, in rising order.
public enum Severity: String, CaseIterable, Sendable {
    case info, warning, error, critical

    /// All of them, for people.
    static let list = Severity.allCases.map(\.rawValue).joined(separator: ", ")
}
