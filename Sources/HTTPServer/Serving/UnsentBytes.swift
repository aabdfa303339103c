import System

/// Answers that the socket has not yet taken. Empty and without a buffer while the client keeps up.
struct UnsentBytes {
    private var bytes: [UInt8] = []
    private var offset = 0

    /// The outcome of an attempt to send.
    enum Outcome {
        case sentAll
        /// The socket took some and takes no more now.
        case sentSome
        /// The socket took nothing.
        case blocked
        case failed
    }

    var isEmpty: Bool { bytes.isEmpty }

    /// The bytes held, including those already sent.
    var count: Int { bytes.count }

    /// The bytes yet to be sent.
    var remaining: Int { bytes.count - offset }

    /// Sends the held bytes, then `output`; holds what the socket does not take.
    mutating func send(_ output: [UInt8], over transport: Transport) -> Outcome {
        if bytes.isEmpty {
            switch transport.send(output, from: 0) {
            case .bytes(let count) where count == output.count: return .sentAll
            case .bytes(let count):
                bytes.append(contentsOf: output[count...])
                return .sentSome
            case .wouldBlock, .ended:
                bytes.append(contentsOf: output)
                return .blocked
            case .failed: return .failed
            }
        }
        bytes.append(contentsOf: output)
        switch transport.send(bytes, from: offset) {
        case .bytes(let count):
            offset += count
            guard offset == bytes.count else { return .sentSome }
            self = UnsentBytes()
            return .sentAll
        case .wouldBlock, .ended: return .blocked
        case .failed: return .failed
        }
    }
}
