/// Splits bytes that arrive in pieces into lines. Lines longer than the limit are skipped.
struct LineSplitter {
    private let limit: Int
    /// The beginning of a line whose end has not arrived.
    private var line: [UInt8] = []
    private var isTooLong = false
    /// The number of skipped lines.
    private(set) var tooLong = 0

    /// A buffer that has grown beyond this is freed after its line.
    private static let keptBytes = 64 * 1024

    init(limit: Int) { self.limit = limit }

    /// Takes the next piece and lends each line that ends in it, apart from empty ones.
    mutating func take(
        _ piece: [UInt8], _ body: (UnsafeRawBufferPointer) throws(WatchError) -> Void
    ) throws(WatchError) {
        var rest = piece[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            append(rest[..<end])
            rest = rest[(end + 1)...]
            if isTooLong {
                tooLong += 1
            } else if !line.isEmpty {
                try line.span.withUnsafeBytes { bytes throws(WatchError) in try body(bytes) }
            }
            isTooLong = false
            line.removeAll(keepingCapacity: line.capacity <= Self.keptBytes)
        }
        append(rest)
    }

    private mutating func append(_ bytes: ArraySlice<UInt8>) {
        if line.count + bytes.count > limit {
            isTooLong = true
            line = []
        }
        if !isTooLong { line += bytes }
    }
}
