/// Snappy's block format, as Loki's clients and Prometheus' remote write send it
/// (github.com/google/snappy, format_description.txt).
enum Snappy {
    /// The reason that a block cannot be opened.
    enum Failure: Error {
        case corrupt
        case tooLong
    }

    /// Decompresses a block.
    ///
    /// - Parameter limit: the most bytes that may come out. They are announced at the start, so
    ///   nothing is allocated for more.
    static func decompress(
        _ block: UnsafeRawBufferPointer, limit: Int
    ) throws(Failure) -> [UInt8] {
        var position = 0
        func byte() throws(Failure) -> Int {
            guard position < block.count else { throw .corrupt }
            defer { position += 1 }
            return Int(block[position])
        }
        func number(bytes: Int) throws(Failure) -> Int {
            var value = 0
            for shift in 0..<bytes { value |= try byte() << (8 * shift) }
            return value
        }

        // A varint of 32 bits.
        var length = 0
        for shift in stride(from: 0, through: 28, by: 7) {
            let next = try byte()
            length |= (next & 0x7F) << shift
            if next < 0x80 { break }
            if shift == 28 { throw .corrupt }
        }
        guard length <= limit else { throw .tooLong }
        // An element of three bytes makes at most 64.
        guard length <= 64 * block.count else { throw .corrupt }

        var output: [UInt8] = []
        output.reserveCapacity(length)
        while position < block.count {
            let tag = try byte()
            if tag & 3 == 0 {
                let short = tag >> 2
                let count = short < 60 ? short + 1 : try number(bytes: short - 59) + 1
                guard count <= block.count - position, count <= length - output.count else {
                    throw .corrupt
                }
                output += block[position..<(position + count)]
                position += count
                continue
            }
            let count: Int
            let offset: Int
            switch tag & 3 {
            case 1:
                count = (tag >> 2) & 7 + 4
                offset = (tag >> 5) << 8 | (try byte())
            case 2:
                count = tag >> 2 + 1
                offset = try number(bytes: 2)
            default:
                count = tag >> 2 + 1
                offset = try number(bytes: 4)
            }
            guard offset > 0, offset <= output.count, count <= length - output.count else {
                throw .corrupt
            }
            // The copy may overlap with what it makes.
            for _ in 0..<count { output.append(output[output.count - offset]) }
        }
        guard output.count == length else { throw .corrupt }
        return output
    }
}
