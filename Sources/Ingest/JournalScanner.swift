/// Finds the entries of the Journal Export Format (https://systemd.io/JOURNAL_EXPORT_FORMATS/) in a
/// text that arrives piece by piece. A field is a line `NAME=VALUE`, or a line `NAME`, 8 bytes with
/// the length of the value, the value and a line feed; an empty line ends an entry.
///
/// Memory is bounded, whatever the lengths: what an event cannot have anyway is not kept.
struct JournalScanner {
    /// A field of an entry.
    struct Field {
        let name: String
        var value: [UInt8]
    }

    /// An entry with its fields in order.
    struct Entry {
        var fields: [Field] = []
        /// True if there was more than is kept.
        var isCut = false
        /// True if a line was none of a field.
        var isInvalid = false
        fileprivate var byteCount = 0
        fileprivate var isEmpty: Bool { fields.isEmpty && !isCut && !isInvalid }

        /// The value of the first field called `name`.
        func value(_ name: StaticString) -> [UInt8]? {
            fields.first { $0.name == "\(name)" }?.value
        }
    }

    private enum State {
        /// In a line.
        case line
        /// In the length of the field with this name.
        case length(of: String)
        /// In the value of the field with this name.
        case value(of: String, left: UInt64)
        /// Before the line feed after a value.
        case lineFeed
    }

    /// The most bytes of an entry that are kept, and of a single field.
    static let mostBytes = 256 * 1024
    /// The fields that are kept in any case, because an event is made of them.
    static let essential: Set<String> = [
        "MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "_COMM", "_HOSTNAME", "__CURSOR",
        "__REALTIME_TIMESTAMP",
    ]
    /// The memory of a field beside its bytes, about.
    private static let fieldBytes = 64
    private static let nameBytes = 64
    /// systemd's own limit for a field (DATA_SIZE_MAX).
    private static let mostValueBytes: UInt64 = 768 * 1024 * 1024

    private var state = State.line
    private var entry = Entry()
    /// The line, length or value so far, as much of it as is kept.
    private var kept: [UInt8] = []
    private var isKeptCut = false

    /// True within an entry.
    var isInEntry: Bool {
        if case .line = state { return !entry.isEmpty || !kept.isEmpty }
        return true
    }

    /// Calls `body` with each entry that ends in the next bytes.
    ///
    /// - Throws: if it is in doubt where the next field begins.
    mutating func read(
        _ bytes: UnsafeRawBufferPointer, _ body: (Entry) -> Void
    ) throws(SenderFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            switch state {
            case .line:
                let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
                keep(rest[..<end])
                guard end < rest.endIndex else { return }
                rest = rest[(end + 1)...]
                endLine(body)
            case .length(let name):
                let part = rest.prefix(8 - kept.count)
                keep(part)
                rest = rest[part.endIndex...]
                guard kept.count == 8 else { return }
                let length = kept.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                guard length <= Self.mostValueBytes else {
                    throw SenderFailure(
                        .malformed, "The field \(name) cannot have \(length) bytes.")
                }
                kept = []
                state = .value(of: name, left: length)
                if length == 0 { endValue(name) }
            case .value(let name, let left):
                let part = rest.prefix(Int(min(left, UInt64(rest.count))))
                keep(part)
                rest = rest[part.endIndex...]
                state = .value(of: name, left: left - UInt64(part.count))
                if left == UInt64(part.count) { endValue(name) }
            case .lineFeed:
                guard rest.first == UInt8(ascii: "\n") else {
                    throw SenderFailure(
                        .malformed, "A value of a field must be followed by a line feed.")
                }
                rest = rest.dropFirst()
                state = .line
            }
        }
    }

    private mutating func keep(_ bytes: Slice<UnsafeRawBufferPointer>) {
        let part = bytes.prefix(Self.mostBytes - kept.count)
        kept.append(contentsOf: part)
        if part.count < bytes.count { isKeptCut = true }
    }

    private mutating func endLine(_ body: (Entry) -> Void) {
        defer {
            kept = []
            isKeptCut = false
        }
        guard !kept.isEmpty else {
            if !entry.isEmpty { body(entry) }
            entry = Entry()
            return
        }
        let name = kept.prefix { $0 != UInt8(ascii: "=") }
        guard (1...Self.nameBytes).contains(name.count), name.allSatisfy(Self.isNameByte) else {
            entry.isInvalid = true
            return
        }
        let text = String(decoding: name, as: UTF8.self)
        if name.count == kept.count {
            state = .length(of: text)
        } else {
            add(text, Array(kept[(name.count + 1)...]))
        }
    }

    private mutating func endValue(_ name: String) {
        add(name, kept)
        kept = []
        isKeptCut = false
        state = .lineFeed
    }

    private mutating func add(_ name: String, _ value: [UInt8]) {
        let size = name.utf8.count + value.count + Self.fieldBytes
        let isEssential =
            Self.essential.contains(name) && !entry.fields.contains { $0.name == name }
        if isKeptCut { entry.isCut = true }
        guard isEssential || entry.byteCount + size <= Self.mostBytes else {
            entry.isCut = true
            return
        }
        if !isEssential { entry.byteCount += size }
        entry.fields.append(Field(name: name, value: value))
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
