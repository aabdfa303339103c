@testable import HTTPServer

/// The function that libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    Requests.check(UnsafeBufferPointer(start: data, count: size))
    return 0
}

/// For any bytes, parser, decoder and verdict give the same result however they are split. The
/// result, written out plainly, is understood the same again.
enum Requests {
    /// Bounds that short inputs reach.
    private static let smallLimits = {
        var limits = HTTPLimits()
        limits.methodBytes = 12
        limits.targetBytes = 40
        limits.headerBytes = 150
        limits.headerFields = 6
        limits.chunkLineBytes = 12
        return limits
    }()

    /// The last five bytes decide where to split the others and which bounds apply.
    static func check(_ input: UnsafeBufferPointer<UInt8>) {
        guard input.count > 5 else { return }
        let message = Array(input.dropLast(5))
        let choice = input.suffix(5).map(Int.init)
        let limits = choice[4] & 1 == 0 ? HTTPLimits() : smallLimits
        let cuts = [choice[0] << 8 | choice[1], choice[2] << 8 | choice[3]]
            .map { $0 % (message.count + 1) }.sorted()

        let whole = Understanding([message[...]], limits: limits)
        let split = Understanding(
            [message[..<cuts[0]], message[cuts[0]..<cuts[1]], message[cuts[1]...]], limits: limits)
        precondition(split == whole, "split at \(cuts)")
        if message.count <= 512 {
            let bytewise = Understanding(message.indices.map { message[$0...$0] }, limits: limits)
            precondition(bytewise == whole, "byte by byte")
        }
        for message in whole.messages { checkAgain(message, whole, limits) }
    }

    /// RFC 9112, 11.2: requests are smuggled in messages that two recipients read differently. The
    /// understood message, without anything that was ignored, must mean the same.
    private static func checkAgain(
        _ message: Understanding.Message, _ whole: Understanding, _ limits: HTTPLimits
    ) {
        guard let method = message.method, message.target.first == UInt8(ascii: "/") else { return }
        if message == whole.messages.last, whole.end != .atRest, whole.end != .closed { return }
        // Only 1.0 allows no host.
        let version = message.fields.contains(where: isHost) ? "HTTP/1.1" : "HTTP/1.0"
        var text = Array("\(method.rawValue) ".utf8) + message.target
        text += Array(" \(version)\r\n".utf8)
        for field in message.fields {
            for byte in field { precondition(byte >= 0x20 && byte != 0x7F || byte == 0x09) }
            text += field + [0x0D, 0x0A]
        }
        text += [0x0D, 0x0A]
        switch message.framing {
        case .none: precondition(message.body.isEmpty)
        case .length(let length):
            precondition(message.body.count == length)
            text += message.body
        case .chunked:
            if !message.body.isEmpty {
                let size = String(message.body.count, radix: 16)
                text += Array("\(size)\r\n".utf8) + message.body + [0x0D, 0x0A]
            }
            text += Array("0\r\n\r\n".utf8)
        }
        let again = Understanding([text[...]], limits: limits)
        precondition(again.messages.count == 1)
        precondition(again.end == .atRest || again.end == .closed)
        precondition(again.messages[0] == message, "written out plainly it is another request")
    }

    private static func isHost(_ field: [UInt8]) -> Bool {
        String(decoding: field.prefix(5), as: UTF8.self).lowercased() == "host:"
    }
}
