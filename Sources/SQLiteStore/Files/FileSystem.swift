import CLinux
import EventStore

/// The file system under a folder, for the log.
enum FileSystem {
    /// Names by `f_type` of statfs(2), from linux/magic.h.
    private static let names: [UInt32: String] = [
        0xEF53: "ext4", 0x5846_5342: "XFS", 0x9123_683E: "Btrfs", 0x2FC1_2FC1: "ZFS",
        0xF2F5_2010: "F2FS", 0x0102_1994: "tmpfs", 0x794C_7630: "overlay", 0xCA45_1A4E: "bcachefs",
    ]

    /// The name of the file system of the folder at `path`, or its number.
    static func name(of path: String) -> String {
        let type = clinux_file_system_type(path)
        guard type >= 0 else { return "unknown" }
        let number = UInt32(truncatingIfNeeded: type)
        return names[number] ?? NetworkFileSystem.name(ofType: number)
            ?? "0x" + String(number, radix: 16)
    }
}

/// File systems that must not hold a database. A WAL needs memory shared by all its users, and
/// locks and syncs that work (https://sqlite.org/wal.html, https://sqlite.org/useovernet.html).
enum NetworkFileSystem {
    /// Names by `f_type` of statfs(2), from linux/magic.h and the file systems' own headers. FUSE
    /// may be anything, including sshfs and s3fs.
    private static let names: [UInt32: String] = [
        0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB", 0x0102_1997: "9p",
        0x6573_5546: "FUSE", 0x00C3_6400: "Ceph", 0x5346_414F: "AFS", 0x6B41_4653: "AFS",
        0x7375_7245: "Coda", 0x4750_4653: "GPFS", 0x0BD0_0BD0: "Lustre", 0x0116_1970: "GFS2",
        0x7461_636F: "OCFS2", 0x564C: "NCP", 0x2003_0528: "OrangeFS", 0x1983_0326: "BeeGFS",
    ]

    /// The name of this type of file system; nil if it is not one of these.
    static func name(ofType type: UInt32) -> String? { names[type] }

    /// Refuses a path on one of these file systems.
    ///
    /// - Throws: `refused` if the folder of `path` is on one.
    static func refuse(_ path: String) throws(SchemaError) {
        let type = clinux_file_system_type(Folder.name(of: path))
        // If the folder does not exist, opening the database gives a better error.
        guard type >= 0, let name = name(ofType: UInt32(truncatingIfNeeded: type)) else { return }
        throw .refused(
            "\(path) is on a network file system (\(name)), which may lose acknowledged events and corrupt the "
                + "file. Use a local disk or a block device; --allow-network-filesystem true opens it anyway."
        )
    }
}
