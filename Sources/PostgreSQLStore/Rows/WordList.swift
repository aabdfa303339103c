import EventStore
import Events

/// The words of an event for the column `words`: the tokens of its `SearchDocument`, in lower case,
/// separated by spaces. A token that ends in the middle of a character loses the rest of it, because
/// PostgreSQL takes only whole ones.
final class WordList {
    private let document = SearchDocument(pairsFilters: false)

    func make(_ event: EventView) -> [UInt8] {
        document.make(event)
        return Self.stored(document.text.dropLast())
    }

    /// A token, or several separated by spaces, as the column has them.
    static func stored(_ tokens: some Collection<UInt8>) -> [UInt8] {
        var stored: [UInt8] = []
        stored.reserveCapacity(tokens.count)
        // The bytes that the current character still needs, and its start.
        var missing = 0
        var start = 0
        for byte in tokens {
            if missing > 0, byte & 0xC0 != 0x80 {
                stored.removeSubrange(start...)
                missing = 0
            }
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): stored.append(byte | 0x20)
            case 0xC2...0xF4:
                start = stored.count
                missing = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3
                stored.append(byte)
            default:
                if missing > 0 { missing -= 1 }
                stored.append(byte)
            }
        }
        if missing > 0 { stored.removeSubrange(start...) }
        return stored
    }
}
