internal import CZlib

/// Decompresses a body piece by piece (RFC 9110, 8.4.1).
///
/// For one thread at a time.
public final class Inflater {
    /// The codings of a compressed body.
    public enum Coding: Sendable {
        /// RFC 1952; several members may follow each other.
        case gzip
        /// RFC 1950, or without its header, as some senders have it.
        case deflate
    }

    /// The reasons a body cannot be decompressed.
    public enum Failure: Error, Equatable {
        case corrupt
        /// Its text is larger than any honest one.
        case expandsTooFar
    }

    /// The most output for each byte of input, once there are more than `freeBytes`.
    public static let mostExpansion = 200
    /// The output that a body of any size may have.
    public static let freeBytes = 1024 * 1024

    private let coding: Coding
    private let stream: UnsafeMutablePointer<z_stream>
    private var taken = 0
    private var given = 0
    /// True if more may come out without more input.
    public private(set) var hasMore = false
    /// True if the input so far is a whole body.
    public private(set) var isWhole = false

    /// Starts before the first byte of a body.
    public init(_ coding: Coding) {
        self.coding = coding
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
    }

    deinit {
        if taken > 0 { inflateEnd(stream) }
        stream.deallocate()
    }

    /// Appends up to `limit` bytes of the output for `input`.
    ///
    /// - Returns: the number of its bytes that were taken: all, unless `limit` was reached.
    public func inflate(
        _ input: UnsafeRawBufferPointer, into output: inout [UInt8], limit: Int
    ) throws(Failure) -> Int {
        if taken == 0 {
            guard let first = input.first else { return 0 }
            begin(first)
        }
        // Not zeroed: this is called for every 64 KiB.
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: limit, alignment: 1)
        defer { room.deallocate() }
        var (used, made) = (0, 0)
        while made < limit, used < input.count || hasMore {
            if isWhole { try beginMember() }
            let step = try step(
                UnsafeRawBufferPointer(rebasing: input[used...]),
                UnsafeMutableRawBufferPointer(rebasing: room[made...]))
            used += step.used
            made += step.made
        }
        guard given <= Self.freeBytes || given <= Self.mostExpansion * taken else {
            throw .expandsTooFar
        }
        output.append(contentsOf: room[..<made])
        return used
    }

    private func begin(_ first: UInt8) {
        // RFC 1950, 2.2: the low four bits are 8, the others at most 7. No compressor begins a
        // block of RFC 1951 like this.
        let hasHeader = first & 0x0F == 8 && first >> 4 <= 7
        let window: Int32 = 15
        let bits =
            switch coding {
            case .gzip: window + 16
            case .deflate: hasHeader ? window : -window
            }
        let result = czlib_begin_inflating(stream, bits)
        precondition(result == Z_OK, "zlib has memory")
    }

    private func beginMember() throws(Failure) {
        guard coding == .gzip else { throw .corrupt }
        inflateReset(stream)
        isWhole = false
    }

    private func step(
        _ input: UnsafeRawBufferPointer, _ room: UnsafeMutableRawBufferPointer
    ) throws(Failure) -> (used: Int, made: Int) {
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(room.count)
        let result = CZlib.inflate(stream, Z_NO_FLUSH)
        let used = input.count - Int(stream.pointee.avail_in)
        let made = room.count - Int(stream.pointee.avail_out)
        taken += used
        given += made
        hasMore = result == Z_OK && stream.pointee.avail_out == 0
        switch result {
        case Z_OK: break
        case Z_STREAM_END: isWhole = true
        // There was no more after all.
        case Z_BUF_ERROR where input.isEmpty: break
        default: throw .corrupt
        }
        return (used, made)
    }
}
