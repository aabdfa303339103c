import TestSupport
import Testing

@testable import HTTPServer

@Suite("Mutated messages")
struct MutationTests {
    /// Small bounds that mutations reach.
    private static let limits = {
        var limits = HTTPLimits()
        limits.methodBytes = 12
        limits.targetBytes = 40
        limits.headerBytes = 150
        limits.headerFields = 6
        limits.chunkLineBytes = 12
        return limits
    }()

    private static let messages = WireCase.all.map(\.message).filter {
        !$0.isEmpty && $0.count < 600
    }

    @Test("Whatever comes, the verdict is the same however it is split", arguments: UInt64(1)...240)
    func splits(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let message = generator.mutatedMessage(of: Self.messages)
            let whole = Understanding([message[...]], limits: Self.limits)
            let pieces = generator.pieces(of: message)
            let split = Understanding(pieces, limits: Self.limits)
            #expect(split == whole, "\(pieces.map { String(decoding: $0, as: UTF8.self) })")
            let bytewise = Understanding(
                message.indices.map { message[$0...$0] }, limits: Self.limits)
            #expect(bytewise == whole, "\(String(decoding: message, as: UTF8.self))")
        }
    }

    @Test("Mutations are of all kinds: some understood, some refused, some left incomplete")
    func variety() {
        var generator = SeededGenerator(seed: 1)
        var refused: Set<HTTPStatus> = []
        var ends = (atRest: 0, incomplete: 0, closed: 0)
        for _ in 0..<3000 {
            let message = generator.mutatedMessage(of: Self.messages)
            switch Understanding([message[...]], limits: Self.limits).end {
            case .atRest: ends.atRest += 1
            case .incomplete: ends.incomplete += 1
            case .closed: ends.closed += 1
            case .refused(let status): refused.insert(status)
            }
        }
        #expect(ends.atRest > 50)
        #expect(ends.incomplete > 20)
        #expect(ends.closed > 10)
        #expect(
            refused == [
                .badRequest, .uriTooLong, .headerFieldsTooLarge, .notImplemented,
                .versionNotSupported,
            ])
    }
}

extension SeededGenerator {
    /// Fragments that change a message's meaning.
    private static let fragments = [
        "\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", ":", ";", ",", "0", "5", "\0", "%", "/", "\"",
        "Host: a\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "chunked",
        "Connection: close\r\n", "HTTP/1.1", "HTTP/1.0", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "0\r\n\r\n", "5\r\nhello\r\n", "X: y\r\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ].map { Array($0.utf8) }

    /// One of `messages`, or two of them, with none to four changes.
    mutating func mutatedMessage(of messages: [[UInt8]]) -> [UInt8] {
        var message = messages.randomElement(using: &self)!
        if Int.random(in: 0..<4, using: &self) == 0 {
            message += messages.randomElement(using: &self)!
        }
        for _ in 0..<Int.random(in: 0...4, using: &self) { mutate(&message) }
        return message
    }

    private mutating func mutate(_ message: inout [UInt8]) {
        let place = Int.random(in: 0...message.count, using: &self)
        switch Int.random(in: 0...5, using: &self) {
        case 0 where place < message.count:
            message[place] = UInt8.random(in: 0...0xFF, using: &self)
        case 1 where place < message.count:
            message[place] ^= 1 << UInt8.random(in: 0...7, using: &self)
        case 2 where place < message.count: message.remove(at: place)
        case 3:
            let end = min(message.count, place + Int.random(in: 0...30, using: &self))
            message.insert(contentsOf: message[place..<end], at: place)
        case 4: message.removeSubrange(place..<min(message.count, place + 10))
        default:
            message.insert(contentsOf: Self.fragments.randomElement(using: &self)!, at: place)
        }
    }

    /// `message` cut at up to five places.
    mutating func pieces(of message: [UInt8]) -> [ArraySlice<UInt8>] {
        var cuts = [0, message.count]
        for _ in 0..<Int.random(in: 1...5, using: &self) {
            cuts.append(Int.random(in: 0...message.count, using: &self))
        }
        cuts.sort()
        return zip(cuts, cuts.dropFirst()).map { message[$0..<$1] }
    }
}
