/// Splits a Kubernetes List into its parts as its bytes arrive, because 500 items of 1.5 MB are too
/// much to hold. It only finds where values end; whether they are JSON is for others to check.
struct ListScanner {
    /// A part of a list.
    enum Part {
        /// The list's own metadata.
        case metadata
        case item
    }

    private enum Place {
        case start
        case key
        case colon
        case value
        /// Within the array of items.
        case item
        case end
        case broken
    }

    private enum Progress {
        case goesOn
        case ended
        /// The value ended with the byte before.
        case endedBefore
    }

    private let limit: Int
    private var place = Place.start
    /// The last key of the List object.
    private var key: [UInt8] = []
    /// The beginning of the current value.
    private var value: [UInt8] = []
    private var isInValue = false
    private var isTooLong = false
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    /// The number of items that were skipped because they are longer than the limit.
    private(set) var tooLong = 0

    /// - Parameter limit: the most bytes of an item.
    init(limit: Int) { self.limit = limit }

    /// True once the list has ended.
    var isComplete: Bool { place == .end }

    /// True if this is not a list.
    var isBroken: Bool { place == .broken }

    /// Takes the next piece and lends each part that ends in it.
    mutating func take(
        _ piece: [UInt8], _ body: (Part, UnsafeRawBufferPointer) throws(WatchError) -> Void
    ) throws(WatchError) {
        for byte in piece {
            if isInValue {
                switch extend(with: byte) {
                case .goesOn: continue
                case .ended:
                    try finish(body)
                    continue
                case .endedBefore: try finish(body)
                }
            }
            look(at: byte)
        }
    }

    /// Looks at a byte between values.
    private mutating func look(at byte: UInt8) {
        switch (place, byte) {
        case (_, 0x20), (_, 0x09), (_, 0x0A), (_, 0x0D): break
        case (.start, UInt8(ascii: "{")): place = .key
        case (.key, UInt8(ascii: ",")), (.item, UInt8(ascii: ",")): break
        case (.key, UInt8(ascii: "}")): place = .end
        case (.key, UInt8(ascii: "\"")): begin(with: byte)
        case (.colon, UInt8(ascii: ":")): place = .value
        case (.value, UInt8(ascii: "[")) where key.elementsEqual("\"items\"".utf8): place = .item
        case (.item, UInt8(ascii: "]")): place = .key
        case (.value, _), (.item, _): begin(with: byte)
        default: place = .broken
        }
    }

    private mutating func begin(with byte: UInt8) {
        value.removeAll(keepingCapacity: true)
        isInValue = true
        isTooLong = false
        depth = 0
        _ = extend(with: byte)
    }

    private mutating func extend(with byte: UInt8) -> Progress {
        if isInString {
            append(byte)
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
                return depth == 0 ? .ended : .goesOn
            }
            return .goesOn
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            guard depth > 0 else { return .endedBefore }
            depth -= 1
            append(byte)
            return depth == 0 ? .ended : .goesOn
        case UInt8(ascii: ","), 0x20, 0x09, 0x0A, 0x0D:
            if depth == 0 { return .endedBefore }
        default: break
        }
        append(byte)
        return .goesOn
    }

    private mutating func append(_ byte: UInt8) {
        guard !isTooLong else { return }
        guard value.count < limit else {
            isTooLong = true
            value = []
            return
        }
        value.append(byte)
    }

    private mutating func finish(
        _ body: (Part, UnsafeRawBufferPointer) throws(WatchError) -> Void
    ) throws(WatchError) {
        isInValue = false
        let isItem = place == .item
        switch place {
        case .key:
            key = value
            place = .colon
            return
        case .value:
            place = .key
            guard key.elementsEqual("\"metadata\"".utf8) else { return }
        default: break
        }
        guard !isTooLong else {
            if isItem { tooLong += 1 }
            return
        }
        try value.span.withUnsafeBytes { bytes throws(WatchError) in
            try body(isItem ? .item : .metadata, bytes)
        }
    }
}
