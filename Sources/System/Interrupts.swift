import Glibc

/// Calls `body` again as long as a signal interrupts it. All handling of EINTR is here.
@inlinable
package func retryingInterrupts<Result: SignedInteger>(_ body: () -> Result) -> Result {
    while true {
        let result = body()
        if result != -1 || errno != EINTR { return result }
    }
}
