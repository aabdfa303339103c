import CLinux
import Glibc

/// The system's figures for this process, under the names used by Prometheus client libraries.
struct ProcessFigures {
    private(set) var cpuNanoseconds = 0
    private(set) var residentBytes = 0
    private(set) var virtualBytes = 0
    private(set) var openDescriptors = 0
    private(set) var mostDescriptors = 0
    private(set) var threads = 0

    /// The start of the process in nanoseconds since 1970, to a hundredth of a second.
    static let start: Int = {
        let sinceBoot = statistics()[19] * 1_000_000_000 / sysconf(Int32(_SC_CLK_TCK))
        var boot = timespec()
        clock_gettime(CLOCK_BOOTTIME, &boot)
        let uptime = boot.tv_sec * 1_000_000_000 + boot.tv_nsec
        return Int(clinux_realtime_milliseconds()) * 1_000_000 - uptime + sinceBoot
    }()

    init() {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        for time in [usage.ru_utime, usage.ru_stime] {
            cpuNanoseconds += time.tv_sec * 1_000_000_000 + time.tv_usec * 1000
        }
        let statistics = Self.statistics()
        threads = statistics[17]
        virtualBytes = statistics[20]
        residentBytes = statistics[21] * sysconf(Int32(_SC_PAGESIZE))
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        mostDescriptors = Int(clamping: limit.rlim_cur)
        openDescriptors = Self.countDescriptors()
    }

    /// The numbers in /proc/self/stat after the name, which may contain anything. proc(5) counts
    /// them from 3.
    private static func statistics() -> [Int] {
        var numbers = [Int](repeating: 0, count: 22)
        let descriptor = open("/proc/self/stat", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return numbers }
        defer { close(descriptor) }
        var text = [UInt8](repeating: 0, count: 1024)
        let count = max(0, read(descriptor, &text, text.count))
        guard let name = text[..<count].lastIndex(of: UInt8(ascii: ")")) else { return numbers }
        let fields = text[(name + 1)..<count].split(separator: UInt8(ascii: " "))
        for (place, field) in fields.enumerated() where place < numbers.count {
            numbers[place] = Int(String(decoding: field, as: UTF8.self)) ?? 0
        }
        return numbers
    }

    /// Since Linux 6.2 the folder's size is the number of descriptors. Before, they must be
    /// counted, at 0.4 us each.
    private static func countDescriptors() -> Int {
        var folder = stat()
        if stat("/proc/self/fd", &folder) == 0, folder.st_size > 0 { return folder.st_size }
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        // Not `.`, `..`, or the descriptor used for counting.
        var count = -3
        while readdir(folder) != nil { count += 1 }
        return count
    }
}
