import TestSupport

extension SeededGenerator {
    mutating func tree(depth: Int = 4) -> JSONTree {
        switch Int.random(in: depth > 0 ? 0...7 : 3...7, using: &self) {
        case 0, 1:
            var keys: Set<[UInt8]> = []
            let count = Int.random(in: 0...20, using: &self)
            // Foundation's dictionary treats canonically equivalent keys as one, so keys are ASCII
            // only.
            while keys.count < count { keys.insert(Array(asciiText().utf8)) }
            return .object(
                keys.sorted { $0.lexicographicallyPrecedes($1) }.map { key in
                    JSONTree.Member(
                        key: String(decoding: key, as: UTF8.self), value: tree(depth: depth - 1))
                })
        case 2:
            let count = Int.random(in: 0...6, using: &self)
            return .array((0..<count).map { _ in tree(depth: depth - 1) })
        case 3: return .number(String(Int.random(in: -1_000_000...1_000_000, using: &self)))
        case 4: return .number(String(Double.random(in: -1e6...1e6, using: &self)))
        case 5: return Bool.random(using: &self) ? .bool(Bool.random(using: &self)) : .null
        default: return .string(text())
        }
    }

    private mutating func asciiText() -> String {
        let count = Int.random(in: 0...12, using: &self)
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...0x7F, using: &self) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension SeededGenerator {
    /// Makes one to three small changes: replaces, inserts or removes a byte, or repeats a part.
    mutating func mutate(_ text: [UInt8]) -> [UInt8] {
        let telling =
            Array("{}[]\",:\\u0123eE+-.tfn \n\u{1}".utf8) + [0x80, 0xBF, 0xC3, 0xED, 0xF0]
        var text = text
        for _ in 0..<Int.random(in: 1...3, using: &self) {
            let place = Int.random(in: 0...text.count, using: &self)
            let byte = telling.randomElement(using: &self)!
            switch Int.random(in: 0...4, using: &self) {
            case 0 where place < text.count: text[place] = byte
            case 1 where place < text.count: text[place] = UInt8.random(in: 0...0xFF, using: &self)
            case 2 where place < text.count: text.remove(at: place)
            case 3:
                let end = min(text.count, place + Int.random(in: 0...20, using: &self))
                text.insert(contentsOf: text[place..<end], at: place)
            default: text.insert(byte, at: place)
            }
        }
        return text
    }
}
