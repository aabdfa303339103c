import Access
import Foundation
import Logging

@testable import HTTPServer

/// A test's access file, removed with the last reference.
final class AccessFile {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(
        "logbook-access-\(UUID().uuidString)"
    ).path
    let control: AccessControl

    /// Creates one in which each name is also the token, with its scopes.
    init(_ tokens: [(name: String, scopes: Scopes)]) throws {
        try Self.write(tokens, to: path)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        control = try AccessControl(path: path, realm: "test", logger: logger)
    }

    deinit { unlink(path) }

    /// Replaces the file's tokens and reloads it.
    func replace(by tokens: [(name: String, scopes: Scopes)]) throws {
        try Self.write(tokens, to: path)
        guard control.reload() else { throw CocoaError(.fileReadUnknown) }
    }

    private static func write(_ tokens: [(name: String, scopes: Scopes)], to path: String) throws {
        let lines = tokens.map {
            AccessList.line(name: $0.name, scopes: $0.scopes, token: $0.name) ?? ""
        }
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }
}
