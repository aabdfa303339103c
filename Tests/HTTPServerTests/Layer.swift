import Testing

/// The layer between HTTP and TCP.
enum Layer: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case plain = "plain"
    case tls12 = "TLS 1.2"
    case tls13 = "TLS 1.3"

    static let secure = [Layer.tls12, .tls13]

    var isSecure: Bool { self != .plain }

    var testDescription: String { rawValue }
}
