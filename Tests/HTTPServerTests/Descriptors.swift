import Foundation
import Glibc

/// The descriptors of this process, to which the server under test belongs.
enum Descriptors {
    /// Those open now.
    static var open: [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.compactMap { Int32($0) }.sorted()
    }

    /// How many sockets are bound to `port`, the listener among them: not those of clients, which
    /// have ports of their
    /// own. Tests that run at the same time don't disturb the count.
    static func count(onPort port: UInt16) -> Int {
        open.count { localPort($0) == port }
    }

    static func localPort(_ descriptor: Int32) -> UInt16? { port(descriptor, getsockname) }

    static func peerPort(_ descriptor: Int32) -> UInt16? { port(descriptor, getpeername) }

    /// How many bytes have come in on a TCP socket, read or not.
    static func receivedCount(_ descriptor: Int32) -> UInt64 {
        // struct tcp_info of linux/tcp.h, of which the C library's header has the first part only.
        information(of: descriptor, at: 128, or: UInt64.max)
    }

    /// Whether the other end of a TCP socket has neither closed nor reset it.
    static func isEstablished(_ descriptor: Int32) -> Bool {
        information(of: descriptor, at: 0, or: UInt8(TCP_CLOSE)) == UInt8(TCP_ESTABLISHED)
    }

    /// A field of TCP_INFO, or `missing` where the system does not have it.
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

/// Something that did not happen.
struct NeverHappened: Error, CustomStringConvertible {
    let description: String
}

/// Waits until `condition` holds, for events that nothing announces.
func eventually(_ event: String, _ condition: () throws -> Bool) throws {
    let end = ContinuousClock.now + .seconds(Client.patienceSeconds)
    var turns = 0
    while try !condition() {
        guard ContinuousClock.now < end else { throw NeverHappened(description: event) }
        turns += 1
        // Mostly it holds within microseconds; a long wait leaves the processor to those waited
        // for.
        if turns < 100 { sched_yield() } else { usleep(1000) }
    }
}
