import Glibc
import TestSupport

/// A port that nobody listens on and nobody else gets.
final class ReservedPort {
    let number: UInt16
    private let descriptor: Int32

    init() { (descriptor, number) = loopbackSocket(listens: false) }

    deinit { close(descriptor) }
}
