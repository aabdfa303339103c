import Foundation
import Testing

/// A response as it came over the wire.
struct RawResponse {
    let version: String
    let status: Int
    let reason: String
    let headers: [(name: String, value: String)]
    var body: [UInt8] = []

    /// Parses everything before the empty line.
    init(head: some Sequence<UInt8>) throws {
        let lines = String(decoding: Array(head), as: UTF8.self).components(separatedBy: "\r\n")
        let parts = lines[0].split(separator: " ", maxSplits: 2).map(String.init)
        guard parts.count == 3, let status = Int(parts[1]) else {
            throw HarnessError("not a status line: '\(lines[0])'")
        }
        (version, self.status, reason) = (parts[0], status, parts[2])
        headers = try lines.dropFirst().map { line in
            guard let colon = line.firstIndex(of: ":") else {
                throw HarnessError("not a header line: '\(line)'")
            }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            return (String(line[..<colon]), value)
        }
    }

    /// The only field called `name`; nil if there is none.
    func header(_ name: String) -> String? {
        let values = headers.filter { $0.name.caseInsensitiveCompare(name) == .orderedSame }
        #expect(values.count <= 1, "\(name) appears \(values.count) times")
        return values.first?.value
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw HarnessError(
                "\(status) with an unexpected body: \(text.prefix(2_000)) (\(error))")
        }
    }

    /// Expects an error in the format of RFC 9457 with this status, and returns it.
    @discardableResult
    func problem(
        _ wanted: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ProblemDocument {
        #expect(status == wanted, "\(text.prefix(500))", sourceLocation: sourceLocation)
        #expect(
            header("Content-Type") == "application/problem+json", sourceLocation: sourceLocation)
        #expect(header("X-Content-Type-Options") == "nosniff", sourceLocation: sourceLocation)
        #expect(header("Content-Length") == "\(body.count)", sourceLocation: sourceLocation)
        #expect(header("Date") != nil, sourceLocation: sourceLocation)
        let problem = try decode(ProblemDocument.self)
        #expect(problem.status == status, sourceLocation: sourceLocation)
        #expect(!problem.type.isEmpty, sourceLocation: sourceLocation)
        #expect(!problem.title.isEmpty, sourceLocation: sourceLocation)
        #expect(!problem.detail.isEmpty, sourceLocation: sourceLocation)
        for entry in problem.errors ?? [] {
            #expect(
                (entry.pointer == nil) != (entry.parameter == nil), sourceLocation: sourceLocation)
            #expect(!entry.detail.isEmpty, sourceLocation: sourceLocation)
        }
        return problem
    }
}
