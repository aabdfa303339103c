import Foundation
import Glibc

/// The descriptors of this process, which includes the server under test.
enum Descriptors {
    /// The open descriptors.
    static var open: [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.compactMap { Int32($0) }.sorted()
    }

    /// The number of sockets bound to `port`, including the listener but not clients, which have
    /// their own ports. Concurrent tests do not disturb the count.
    static func count(onPort port: UInt16) -> Int {
        open.count { localPort($0) == port }
    }

    static func localPort(_ descriptor: Int32) -> UInt16? { port(descriptor, getsockname) }

    static func peerPort(_ descriptor: Int32) -> UInt16? { port(descriptor, getpeername) }

    /// The number of bytes received by a TCP socket, read or unread.
    static func receivedCount(_ descriptor: Int32) -> UInt64 {
        // struct tcp_info of linux/tcp.h; the C library's header has only its first part.
        information(of: descriptor, at: 128, or: UInt64.max)
    }

    /// True if the other end of a TCP socket has neither closed nor reset it.
    static func isEstablished(_ descriptor: Int32) -> Bool {
        information(of: descriptor, at: 0, or: UInt8(TCP_CLOSE)) == UInt8(TCP_ESTABLISHED)
    }

    /// A field of TCP_INFO, or `missing` if the system does not have it.
    private static func information<Field: BitwiseCopyable>(
        of descriptor: Int32, at offset: Int, or missing: Field
    ) -> Field {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { info in
            var size = socklen_t(info.count)
            guard
                getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, info.baseAddress, &size) == 0,
                Int(size) >= offset + MemoryLayout<Field>.size
            else { return missing }
            return info.load(fromByteOffset: offset, as: Field.self)
        }
    }

    private static func port(
        _ descriptor: Int32,
        _ name: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> UInt16? {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                name(descriptor, $0, &size)
            }
        }
        guard result == 0, address.sin_family == sa_family_t(AF_INET) else { return nil }
        return UInt16(bigEndian: address.sin_port)
    }
}

/// An event that did not happen.
struct NeverHappened: Error, CustomStringConvertible {
    let description: String
}

/// Waits until `condition` holds, for events without a notification.
func eventually(_ event: String, _ condition: () throws -> Bool) throws {
    let end = ContinuousClock.now + .seconds(Client.patienceSeconds)
    var turns = 0
    while try !condition() {
        guard ContinuousClock.now < end else { throw NeverHappened(description: event) }
        turns += 1
        // Usually it holds within microseconds; in a long wait, the processor is left to others.
        if turns < 100 { sched_yield() } else { usleep(1000) }
    }
}
