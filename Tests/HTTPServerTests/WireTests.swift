import Testing

@testable import HTTPServer

@Suite("Wire cases")
struct WireTests {
    /// One server for all cases, so that the next message reveals damage done by the previous one.
    private static let plainServer = server(isSecure: false)
    private static let secureServer = server(isSecure: true)

    private static func server(isSecure: Bool) -> TestServer {
        // A wrong wait ends in a 408 before the client's patience does.
        var limits = HTTPLimits()
        limits.headerTimeout = .seconds(20)
        limits.bodyGrace = .seconds(20)
        limits.idleTimeout = .seconds(20)
        do {
            return try TestServer(limits: limits, isSecure: isSecure)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// A request sent after a message that must leave the connection open.
    private static let probe = Array(
        "GET / HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n".utf8)

    @Test("Sent whole", arguments: WireCase.all, Layer.allCases)
    func whole(_ wireCase: WireCase, _ layer: Layer) throws {
        try check(wireCase, layer) { client, bytes in client.send(bytes) }
    }

    @Test("Sent byte by byte, each read alone", arguments: WireCase.all, Layer.allCases)
    func byteByByte(_ wireCase: WireCase, _ layer: Layer) throws {
        try check(wireCase, layer) { client, bytes in
            // Long messages test a bound, so only the bytes near their end matter.
            let step = bytes.count > 2000 ? 997 : 1
            for start in stride(from: 0, to: bytes.count, by: step) {
                client.send(bytes[start..<min(bytes.count, start + step)])
                try client.awaitRead()
            }
        }
    }

    @Test("Sent in two parts", arguments: WireCase.all, Layer.allCases)
    func twoParts(_ wireCase: WireCase, _ layer: Layer) throws {
        let count = wireCase.message.count
        for split in Set([1, count / 3, count / 2, count - 1]) where split > 0 && split < count {
            try check(wireCase, layer) { client, bytes in
                client.send(bytes[..<split])
                try client.awaitRead()
                client.send(bytes[split...])
            }
        }
    }

    private func check(
        _ wireCase: WireCase, _ layer: Layer, send: (Client, [UInt8]) throws -> Void
    ) throws {
        let server = layer.isSecure ? Self.secureServer : Self.plainServer
        let client = try server.connect(over: layer)
        try send(client, wireCase.message)
        var expected = wireCase.outcome.statuses.map(\.code)
        switch wireCase.outcome.ending {
        case .open:
            client.send(Self.probe)
            expected.append(200)
        case .wait: client.finishSending()
        case .close: break
        }
        let answers = try Answer.readAll(client.readToEnd()) { index in
            index < wireCase.outcome.statuses.count && wireCase.outcome.statuses[index].answersHead
        }
        #expect(answers.map(\.code) == expected)
        for (index, answer) in answers.enumerated() {
            let isLast = index == answers.count - 1
            #expect(answer.closes == (isLast && wireCase.outcome.ending != .wait))
            #expect(answer.field("date") != nil)
            #expect(answer.field("x-content-type-options") == "nosniff")
            // RFC 9110, 15.5.6: "The origin server MUST generate an Allow header field in a 405
            // response".
            #expect((answer.field("allow") != nil) == [204, 405].contains(answer.code))
        }
        checkEchoes(answers.compactMap(Echo.init), wireCase.outcome)
    }

    private func checkEchoes(_ echoes: [Echo], _ outcome: WireCase.Outcome) {
        if !outcome.bodies.isEmpty { #expect(echoes.map(\.body) == outcome.bodies) }
        if !outcome.requestLines.isEmpty {
            #expect(echoes.map(\.requestLine) == outcome.requestLines)
        }
        let fields = echoes.flatMap(\.fields)
        for field in outcome.fields { #expect(fields.contains(field)) }
        for name in outcome.absentFields {
            #expect(!fields.contains { $0.hasPrefix("\(name):") })
        }
    }

    @Test("Parsed alike wherever the bytes are split", arguments: WireCase.all)
    func splits(_ wireCase: WireCase) {
        let message = wireCase.message
        let whole = Understanding([message[...]])
        checkEnd(whole, wireCase.outcome)
        #expect(Understanding(message.indices.map { message[$0...$0] }) == whole)
        for split in wireCase.splits {
            let understood = Understanding([message[..<split], message[split...]])
            #expect(understood == whole, "split at \(split)")
        }
    }

    /// Routes may refuse more than the parser does, so only this much is certain.
    private func checkEnd(_ whole: Understanding, _ outcome: WireCase.Outcome) {
        switch outcome.ending {
        case .open:
            #expect(whole.end == .atRest)
            #expect(whole.messages.count == outcome.statuses.count)
        case .wait:
            #expect(whole.end == .incomplete || (whole.end == .atRest && whole.messages.isEmpty))
        case .close:
            #expect(!outcome.statuses.isEmpty)
        }
    }

    @Test("The files hold the corpus, each title once")
    func corpus() {
        #expect(WireCase.all.count >= 400)
        var titles: Set<String> = []
        for wireCase in WireCase.all {
            #expect(
                titles.insert("\(wireCase.file) \(wireCase.title)").inserted, "\(wireCase.title)")
        }
    }
}

extension WireCase {
    /// The positions to split the message at: all of them, or for a long one its ends and the
    /// surroundings of its line ends.
    var splits: [Int] {
        guard message.count > 1500 else { return Array(message.indices) }
        var splits = Set(1...200).union((message.count - 200)..<message.count)
        for offset in message.indices where message[offset] == UInt8(ascii: "\n") {
            for near in (offset - 2)...(offset + 2) where near > 0 && near < message.count {
                splits.insert(near)
            }
        }
        return splits.count <= 700 ? splits.sorted() : splits.sorted().evenly(700)
    }
}

extension [Int] {
    /// `count` elements picked evenly.
    fileprivate func evenly(_ count: Int) -> [Int] {
        (0..<count).map { self[$0 * self.count / count] }
    }
}
