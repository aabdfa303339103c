import Testing

@testable import HTTPServer

@Suite("HTTPLimits")
struct HTTPLimitsTests {
    @Test("The minimum of a body is the rate times the window, but at least one byte")
    func leastBodyBytes() {
        var limits = HTTPLimits()
        #expect(limits.leastBodyBytes == 10_240)
        limits.bodyGrace = .milliseconds(100)
        #expect(limits.leastBodyBytes == 103)
        limits.bodyBytesPerSecond = 0
        #expect(limits.leastBodyBytes == 1)
    }

    @Test("A head at all its bounds can be held")
    func pendingBytes() {
        var limits = HTTPLimits()
        #expect(limits.pendingBytes == 65_536)
        limits.headerBytes = 1 << 20
        limits.targetBytes = 1 << 20
        #expect(limits.pendingBytes > 2 << 20)
    }
}
