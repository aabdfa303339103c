import Glibc

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
