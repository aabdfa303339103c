import EventStore
import Foundation
import SQLiteStore
import TestSupport
import Testing

@testable import LogbookAPI

/// `POST /events`, whatever the format and the coding.
@Suite("Storing what comes")
struct IngestionTests {
    private typealias Service = StreamHubTests.Service

    private struct Answer {
        let status: Int
        let head: Substring
        let body: String

        /// accepted, duplicates, rejected of a summary.
        var counts: [Int] {
            let numbers = body.firstMatch(
                of: /"accepted":(\d+),"duplicates":(\d+),"rejected":(\d+)/)
            return numbers.map { [Int($0.1)!, Int($0.2)!, Int($0.3)!] } ?? []
        }
    }

    private func send(
        _ service: Service, _ body: [UInt8], _ fields: String = "", chunks: Int? = nil,
        target: String = "/events"
    ) throws -> Answer {
        var request = Array(
            "POST \(target) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\(fields)".utf8)
        if let chunks {
            request += Array("Transfer-Encoding: chunked\r\n\r\n".utf8)
            var rest = body[...]
            while !rest.isEmpty {
                let piece = rest.prefix(chunks)
                request +=
                    Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8)
                rest = rest.dropFirst(chunks)
            }
            request += Array("0\r\n\r\n".utf8)
        } else {
            request += Array("Content-Length: \(body.count)\r\n\r\n".utf8) + body
        }
        let text = String(
            decoding: try service.send(bytes: request).readToEnd() ?? Data(), as: UTF8.self)
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1)
        let status = try #require(Int(text.dropFirst(9).prefix(3)), "\(text)")
        return Answer(
            status: status, head: parts[0], body: parts.count > 1 ? String(parts[1]) : "")
    }

    private func eventCase(_ name: String) throws -> [UInt8] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Data/event-cases/\(name).json")
        return Array(try Data(contentsOf: file))
    }

    private static let native = #"{"event_type":"x","severity":"info","title":"N"}"#
    private static let pod = #"{"kind":"Pod","metadata":{}}"#
    private static let lines = "Content-Type: application/x-ndjson\r\n"
    private static let json = "Content-Type: application/json\r\n"

    private static let cases: [(name: String, counts: [Int])] = [
        ("count-grows", [2, 0, 0]), ("same-version", [1, 1, 0]), ("no-version", [2, 0, 0]),
        ("without-null", [1, 1, 0]), ("both-groups", [1, 1, 0]), ("array", [2, 0, 0]),
        ("list-with-pod", [2, 0, 1]), ("watch", [2, 0, 0]), ("truncated", [9, 0, 1]),
        ("warning-between", [2, 0, 1]), ("invalid-utf8", [2, 0, 0]), ("list-of-null", [0, 0, 0]),
        ("empty-list", [0, 0, 0]), ("types", [8, 0, 0]), ("time-offsets", [3, 0, 0]),
        ("no-object", [3, 0, 0]), ("list", [1, 0, 0]), ("printed-when-deleted", [1, 1, 0]),
    ]

    @Test("What tools print is stored, and what they print again is a duplicate", arguments: cases)
    func printed(_ name: String, _ counts: [Int]) throws {
        let service = try Service()
        let body = try eventCase(name)
        let first = try send(service, body)
        #expect(first.status == 200, "\(first.body)")
        #expect(first.counts == counts, "\(first.body)")
        let again = [0, counts[0] + counts[1], counts[2]]
        for coding in ["gzip", "x-gzip", "deflate"] {
            let packed = coding == "deflate" ? Compression.deflate(body) : Compression.gzip(body)
            let answer = try send(service, packed, "Content-Encoding: \(coding)\r\n")
            #expect(answer.status == (again[1] == 0 && again[2] > 0 ? 422 : 200))
            #expect(answer.counts == again, "\(answer.body)")
        }
        // As a stream: what is in an array is one transaction.
        for (fields, chunks) in [("", 7), (Self.lines, 7), ("", 100_000)] {
            let answer = try send(service, body, fields, chunks: chunks)
            #expect(answer.counts == again, "\(fields), \(chunks): \(answer.body)")
            let packed = Compression.gzip(body)
            let opened = try send(
                service, packed, fields + "Content-Encoding: gzip\r\n", chunks: chunks)
            #expect(opened.counts == again, "\(fields), \(chunks): \(opened.body)")
        }
    }

    @Test(
        "A single event has an answer of its own, however it comes",
        arguments: [
            "exporter", "half-surrogate", "huge-count", "long-name", "numbers", "cluster-scope",
        ])
    func single(_ name: String) throws {
        let service = try Service()
        let body = try eventCase(name)
        let first = try send(service, body)
        #expect(first.status == 201, "\(first.body)")
        for (fields, packed, chunks) in [
            ("", body, nil), (Self.json, body, 7), ("", body, 7),
            ("Content-Encoding: gzip\r\n", Compression.gzip(body), nil),
            ("Content-Encoding: gzip\r\n", Compression.gzip(body), 7),
        ] as [(String, [UInt8], Int?)] {
            let answer = try send(service, packed, fields, chunks: chunks)
            #expect(answer.status == 200, "\(answer.body)")
            #expect(answer.body == first.body)
        }
    }

    @Test("A deletion, a bookmark and an empty list are no events, and no errors")
    func nothing() throws {
        let service = try Service()
        let deleted = #"{"type":"DELETED","object":{"kind":"Event","metadata":{}}}"#
        for text in [deleted, "\(deleted)\n\(deleted)", #"{"items":[]}"#, "[\(deleted)]"] {
            for (fields, chunks) in [("", nil), (Self.lines, nil), ("", 3)] as [(String, Int?)] {
                let answer = try send(service, Array(text.utf8), fields, chunks: chunks)
                #expect(answer.status == 200, "\(text): \(answer.body)")
                #expect(answer.counts == [0, 0, 0], "\(text): \(answer.body)")
            }
        }
        #expect(try send(service, Array("[]".utf8)).status == 422)
    }

    @Test("Formats are mixed as they come, and each keeps its rules")
    func mixed() throws {
        let service = try Service()
        let event = #"{"kind":"Event","metadata":{"uid":"u","resourceVersion":"1"},"reason":"R"}"#
        let items = [
            Self.native, event, Self.pod, "{\"x\":1}", "{\"event_type\":",
            #"{"items":[\#(event),7]}"#,
        ]
        for (separator, begin, end) in [("\n", "", ""), (",\n", "[", "]")] {
            let answer = try send(
                service, Array((begin + items.joined(separator: separator) + end).utf8))
            #expect(answer.status == 200)
            #expect(
                answer.counts == (begin.isEmpty ? [2, 1, 4] : [1, 2, 4]), "\(begin): \(answer.body)"
            )
            #expect(answer.body.contains("kind must be Event, not 'Pod'"))
        }
        // All or nothing.
        let strict = try send(
            service, Array("[\(Self.native),\(Self.pod)]".utf8), target: "/events?strict=true")
        #expect(strict.status == 422)
        #expect(strict.body.contains("/1/kind"))
        // A native event keeps to its contract.
        let id = try send(
            service,
            Array(#"{"id":"k8s:core:u:1","event_type":"x","severity":"info","title":"Other"}"#.utf8)
        )
        #expect(id.status == 409)
    }

    @Test(
        "A body of no known length is stored as it comes, and an array at its end",
        arguments: ["/events", "/events?cluster=eu-2"])
    func asItComes(_ target: String) throws {
        let service = try Service()
        let head = Array(
            "POST \(target) HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                .utf8)
        func chunk(_ text: String) -> [UInt8] {
            Array("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n".utf8)
        }
        let pretty = String(decoding: try eventCase("watch"), as: UTF8.self)
        let half = try #require(pretty.range(of: "\n}\n")).upperBound
        let watch = try service.send(bytes: head + chunk(String(pretty[..<half])))
        try eventually { service.repository.statistics.tally.storedCount == 1 }
        try watch.write(contentsOf: Data(chunk(String(pretty[half...])) + Array("0\r\n\r\n".utf8)))
        let answer = String(decoding: try watch.readToEnd() ?? Data(), as: UTF8.self)
        #expect(answer.contains(#""accepted":2,"duplicates":0,"rejected":0"#), "\(answer)")
    }

    @Test("What cannot be opened says why")
    func notOpened() throws {
        let service = try Service()
        let body = Compression.gzip(Array(Self.native.utf8))
        for (packed, fields, status, detail) in [
            (body.dropLast(4), "gzip", 400, "ends in the middle"),
            (Array(Self.native.utf8)[...], "gzip", 400, "is corrupt"),
            (body[...], "zstd", 415, "gzip or deflate"),
            (body[...], "gzip, gzip", 415, "gzip or deflate"),
            (body[...], "gzip\r\nContent-Encoding: gzip", 415, "gzip or deflate"),
            (
                Compression.gzip(
                    [UInt8](repeating: 0x20, count: 1 << 20) + Array(Self.native.utf8))[...],
                "gzip", 413, "200 times"
            ),
            (Compression.gzip(Array("hello".utf8))[...], "gzip", 415, "not JSON"),
            (Compression.gzip([0xFF, 0xFE, 0x7B, 0])[...], "gzip", 415, "UTF-16"),
            (Compression.gzip([])[...], "gzip", 400, "empty"),
            ([], "gzip", 400, "empty"),
        ] as [(ArraySlice<UInt8>, String, Int, String)] {
            for chunks in [nil, 5] as [Int?] {
                let answer = try send(
                    service, Array(packed), "Content-Encoding: \(fields)\r\n", chunks: chunks)
                #expect(answer.status == status, "\(answer.body)")
                #expect(answer.body.contains(detail), "\(answer.body)")
                // Named only where another coding helps.
                #expect(
                    answer.head.contains("\r\nAccept-Encoding: gzip, deflate")
                        == (detail == "gzip or deflate"))
            }
        }
        let identity = try send(
            service, Array(Self.native.utf8), "Content-Encoding: identity\r\n")
        #expect(identity.status == 201)
    }

    @Test(
        "A compressed stream that ends in the middle says so, also when all of it was read before")
    func endsInTheMiddle() throws {
        let service = try Service()
        let body = Compression.gzip(Array("\(Self.native)\n".utf8)).dropLast(4)
        let stream = try service.send(
            bytes: Array(
                ("POST /events HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\(Self.lines)"
                    + "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "\(String(body.count, radix: 16))\r\n").utf8) + body + Array("\r\n".utf8))
        try eventually { service.repository.statistics.tally.storedCount == 1 }
        try stream.write(contentsOf: Data("0\r\n\r\n".utf8))
        let answer = String(decoding: try stream.readToEnd() ?? Data(), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 400"), "\(answer)")
        #expect(answer.contains("ends in the middle. Of this stream, 1 events are stored"))
    }

    @Test("The whole is bounded, and a line of a stream is")
    func bounded() throws {
        let service = try Service()
        // Does not compress 200 times, and the body's bound is 1 MiB.
        var generator = SeededGenerator(seed: 1)
        let noise = (0..<400_000).map { _ in "\(generator.next() % 1000)" }.joined(separator: " ")
        let long = "[\(Self.native), \"\(noise)\"]"
        let whole = try send(
            service, Compression.gzip(Array(long.utf8)), "Content-Encoding: gzip\r\n")
        #expect(whole.status == 413, "\(whole.body.prefix(200))")
        for (fields, chunks) in [(Self.lines, nil), ("", 50_000)] as [(String, Int?)] {
            let stream = "\(Self.native)\n{\"x\":\"\(noise)\"}\n\(Self.native)"
            let answer = try send(
                service, Compression.gzip(Array(stream.utf8)),
                fields + "Content-Encoding: gzip\r\n",
                chunks: chunks)
            #expect(answer.counts == [2, 0, 1], "\(answer.body.prefix(200))")
            #expect(answer.body.contains("longer than 1048576 bytes"))
            // A list has no bound in a stream, its items have.
            let list =
                "{\"items\":[\(Array(repeating: Self.native, count: 30_000).joined(separator: ","))]}"
            let stored = try send(service, Array(list.utf8), fields, chunks: chunks ?? 50_000)
            #expect(stored.counts == [30_000, 0, 0], "\(stored.body.prefix(200))")
        }
    }
}
