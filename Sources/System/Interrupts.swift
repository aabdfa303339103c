import Glibc

/// Calls `body` again for as long as a signal interrupts it: the one place where EINTR is dealt
/// with.
@inlinable
package func retryingInterrupts<Result: SignedInteger>(_ body: () -> Result) -> Result {
    while true {
        let result = body()
        if result != -1 || errno != EINTR { return result }
    }
}
