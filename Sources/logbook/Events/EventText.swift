import Glibc
import Ingest
import System

/// The items of a text that is read piece by piece. Memory is limited by the longest allowed item.
final class EventText {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// The outcomes of reading.
    enum Step {
        case item(ItemScanner.Item)
        /// Nothing arrived for as long as the caller wanted to wait.
        case silence
        case end
    }

    private let descriptor: Int32
    private let name: String
    private let interruption: Interruption?
    private var buffer = [UInt8](repeating: 0, count: EventText.bufferBytes)
    private var decoder = TextDecoder()
    private var scanner = ItemScanner(itemBytes: EventText.itemBytes)
    private var hasEnded = false
    /// The number of bytes read.
    private(set) var bytesRead = 0

    private static let bufferBytes = 256 * 1024
    /// The longest line that a server accepts.
    static let itemBytes = 1024 * 1024

    /// Reads from `descriptor`, which the caller closes.
    ///
    /// - Parameters:
    ///   - name: its name in messages.
    ///   - interruption: ends the text; nil if it is short enough to be read to its end.
    init(_ descriptor: Int32, name: String, interruption: Interruption?) {
        self.descriptor = descriptor
        self.name = name
        self.interruption = interruption
    }

    /// Returns the next item that is not a list. An error in one affects no other.
    ///
    /// - Parameter patience: the milliseconds to wait for it; nil for no limit.
    func next(patience: Int32?) throws(Failure) -> Step {
        while true {
            while let item = scanner.next() {
                if item.content != .list { return .item(item) }
            }
            guard !hasEnded else { return .end }
            guard try read(patience) else { return .silence }
        }
    }

    /// Reads a piece; false if none arrived in time.
    private func read(_ patience: Int32?) throws(Failure) -> Bool {
        if let interruption {
            switch interruption.wait(for: descriptor, milliseconds: patience) {
            case .readable: break
            case .silence: return false
            case .interrupted:
                end()
                return true
            }
        }
        let count = retryingInterrupts { Glibc.read(descriptor, &buffer, buffer.count) }
        guard count >= 0 else {
            throw Failure(description: "cannot read \(name): \(SystemError.text(of: errno))")
        }
        bytesRead += count
        guard count > 0 else {
            end()
            return true
        }
        var text: [UInt8] = []
        decoder.decode(buffer[..<count], to: &text)
        scanner.append(text)
        return true
    }

    private func end() {
        var text: [UInt8] = []
        decoder.end(to: &text)
        scanner.append(text)
        scanner.end()
        hasEnded = true
    }
}

extension ItemScanner.Item {
    /// The position for messages, such as `line 12`.
    var place: String {
        var parts: [String] = []
        if let element {
            parts.append("element \(element)")
        } else {
            parts.append("line \(line + 1)")
        }
        if let member { parts.append("item \(member)") }
        return parts.joined(separator: ", ")
    }
}
