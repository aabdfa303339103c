/// The severity of an event, in rising order.
public enum Severity: String, CaseIterable, Sendable {
    case info, warning, error, critical

    /// All severities, for messages.
    static let list = Severity.allCases.map(\.rawValue).joined(separator: ", ")
}
