public import Glibc

/// Reads up to `limit` bytes of the file at `path`; nil on failure, with the reason in `errno`.
package func readFile(_ path: String, limit: Int) -> [UInt8]? {
    let descriptor = retryingInterrupts { open(path, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: min(limit, 64 * 1024))
    while bytes.count < limit {
        let count = retryingInterrupts {
            read(descriptor, &piece, min(piece.count, limit - bytes.count))
        }
        guard count >= 0 else { return nil }
        guard count > 0 else { break }
        bytes += piece[..<count]
    }
    return bytes
}

/// Writes all of `bytes` to `descriptor`; false on failure, with the reason in `errno`.
package func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    var left = bytes[...]
    while !left.isEmpty {
        let count = retryingInterrupts {
            write(descriptor, UnsafeRawBufferPointer(rebasing: left).baseAddress, left.count)
        }
        guard count > 0 else { return false }
        left = left.dropFirst(count)
    }
    return true
}

/// Calls `body` again as long as a signal interrupts it. All handling of EINTR is here.
@inlinable
package func retryingInterrupts<Result: SignedInteger>(_ body: () -> Result) -> Result {
    while true {
        let result = body()
        if result != -1 || errno != EINTR { return result }
    }
}
