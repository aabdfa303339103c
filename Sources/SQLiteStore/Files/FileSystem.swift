import CLinux

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
