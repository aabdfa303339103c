import JSON

/// Reads the values of a stream: objects one after another, on lines or not, or in an array. A
/// broken one costs its neighbors nothing, and memory is bounded by the longest.
struct SenderItems {
    /// The longest item, in bytes.
    static let itemBytes = 1024 * 1024

    /// The word for an item in errors.
    private let noun: String
    private var scanner = ItemScanner(itemBytes: itemBytes)
    private var isEmpty = true

    init(_ noun: String) { self.noun = noun }

    /// Calls `body` with each item in the next bytes; rejects in `batch` what is not JSON.
    ///
    /// - Throws: if the body is empty or does not begin like JSON.
    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, _ batch: SenderBatch,
        _ body: (JSONSlice) -> Void
    ) throws(SenderFailure) {
        if isEmpty {
            guard let first = bytes.firstSign else {
                guard !isLast else { throw SenderFailure(.malformed, "The body is empty.") }
                return
            }
            isEmpty = false
            guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
                throw SenderFailure(
                    .unsupported,
                    "The body is not JSON: send \(noun)s as objects, one a line or in an array.")
            }
        }
        scanner.append(bytes)
        if isLast { scanner.end() }
        while let item = scanner.next() {
            switch item.content {
            case .json(let json): read(json, batch, body)
            case .tooLong:
                batch.reject("the \(noun) is longer than \(Self.itemBytes) bytes", .tooLarge)
            case .list: break
            case .cutOff: batch.reject("the array breaks off", .malformed)
            }
        }
    }

    private func read(_ json: [UInt8], _ batch: SenderBatch, _ body: (JSONSlice) -> Void) {
        json.withUnsafeBytes { bytes in
            do throws(JSONError) { try SenderJSON.read(bytes, body) } catch {
                batch.reject("the \(noun) is not valid JSON: \(error)", .malformed)
            }
        }
    }
}
