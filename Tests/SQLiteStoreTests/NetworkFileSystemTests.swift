import CLinux
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("NetworkFileSystem")
struct NetworkFileSystemTests {
    @Test(
        "Those of linux/magic.h that are on a network are known",
        arguments: [
            (0x6969, "NFS"), (0xFF53_4D42, "CIFS"), (0xFE53_4D42, "SMB"), (0x0102_1997, "9p"),
            (0x6573_5546, "FUSE"), (0x00C3_6400, "Ceph"),
        ] as [(UInt32, String)])
    func network(_ type: UInt32, _ name: String) {
        #expect(NetworkFileSystem.name(ofType: type) == name)
    }

    @Test(
        "Local ones are not",
        arguments: [
            0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1, 0xF2F5_2010,
        ] as [UInt32])
    func local(_ type: UInt32) { #expect(NetworkFileSystem.name(ofType: type) == nil) }

    @Test("The type of a folder comes from the kernel; without a folder there is none")
    func kernel() {
        #expect(clinux_file_system_type("/proc") == 0x9FA0)
        #expect(clinux_file_system_type("/nowhere") == -1)
    }
}
