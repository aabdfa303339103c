internal import CZlib

/// Compresses bytes as gzip (RFC 1952), as small as zlib can; equal input gives equal output.
public func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    // 16 more than the bits of the window asks for gzip's header and trailer.
    let begun = deflateInit2_(
        &stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
    precondition(begun == Z_OK, "zlib has memory")
    defer { deflateEnd(&stream) }
    let bound = Int(deflateBound(&stream, UInt(bytes.count)))
    return Array(unsafeUninitializedCapacity: bound) { output, count in
        bytes.withUnsafeBufferPointer { input in
            stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(bound)
            let result = deflate(&stream, Z_FINISH)
            precondition(result == Z_STREAM_END, "the output has room for everything")
        }
        count = bound - Int(stream.avail_out)
    }
}
