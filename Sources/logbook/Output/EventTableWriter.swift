import Events

/// Writes events as a table that fits the terminal. A column that has become wide stays wide.
struct EventTableWriter {
    /// The style of a table.
    struct Style {
        var time: TimeStyle
        var showsIDs = false
        var hasColours = StandardOutput.hasColours
        /// The width to fit; nil cuts nothing off.
        var columns: Int? = StandardOutput.terminalColumns
        /// True if rows are written before all are known, as in a live stream.
        var isLive = false
    }

    private let style: Style
    private var widths: [Int]
    private var hasHeader = false
    /// The fields of `optional` that are columns: those that one of the first events has.
    private var extra: [EventField] = []

    private static let optional: [EventField] = [.cluster, .reason]

    private static let gap = 2
    /// The least width of the last cell, the title.
    private static let titleColumns = 20
    /// The least width of the object, however narrow the terminal.
    private static let objectColumns = 8
    /// The width of any severity, so that the column does not change.
    private static let severityColumns = 8

    init(_ style: Style) {
        self.style = style
        widths = style.isLive ? [24, Self.severityColumns, 10, 30] : [0, 0, 0, 0]
        if style.showsIDs { widths.insert(style.isLive ? 36 : 0, at: 0) }
    }

    private var titles: [String] {
        (style.showsIDs ? ["ID"] : []) + ["TIME", "SEVERITY", "TYPE"]
            + extra.map { "\($0.name)".uppercased() } + ["OBJECT", "TITLE"]
    }

    private func cells(_ event: ListedEvent, _ now: Timestamp) -> [String] {
        (style.showsIDs ? [event[.id] ?? ""] : []) + [
            style.time.text(event, now: now), event[.severity] ?? "",
            event[.eventType] ?? "",
        ] + extra.map { event[$0] ?? "" } + [event.object, event[.title] ?? ""]
    }

    /// Appends rows, with the header before the first one.
    mutating func append(_ events: [ListedEvent], now: Timestamp, to output: inout [UInt8]) {
        guard !events.isEmpty else { return }
        if !hasHeader {
            extra = Self.optional.filter { field in events.contains { $0[field] != nil } }
            widths.insert(contentsOf: extra.map { _ in 0 }, at: widths.count - 1)
        }
        var rows = events.map { cells($0, now) }
        if !hasHeader { rows.insert(titles, at: 0) }
        for row in rows {
            for index in widths.indices {
                widths[index] = max(widths[index], TerminalText(row[index]).columns)
            }
        }
        let limits = fitted
        for (number, row) in rows.enumerated() {
            let isHeader = !hasHeader && number == 0
            var line = ""
            for (index, cell) in row.enumerated() {
                if index > 0 { line += String(repeating: " ", count: Self.gap) }
                let text = TerminalText(cell, limit: limits[index])
                let padded = index < limits.count - 1 ? text.padded(to: limits[index]) : text.string
                let isSeverity = index == (style.showsIDs ? 2 : 1)
                line += isSeverity && !isHeader ? coloured(padded, row[index]) : padded
            }
            while line.last == " " { line.removeLast() }
            output += Array(line.utf8)
            output.append(UInt8(ascii: "\n"))
        }
        hasHeader = true
    }

    /// The width of each cell. If the terminal is too narrow, the object is cut first, because it
    /// begins with its kind, and then the title.
    private var fitted: [Int] {
        guard let columns = style.columns else { return widths + [.max] }
        var fitted = widths
        var rest = columns - widths.reduce(0) { $0 + $1 + Self.gap }
        let object = fitted.count - 1
        if rest < Self.titleColumns {
            let given = min(Self.titleColumns - rest, max(0, fitted[object] - Self.objectColumns))
            fitted[object] -= given
            rest += given
        }
        return fitted + [max(1, rest)]
    }

    private func coloured(_ text: String, _ severity: String) -> String {
        guard style.hasColours else { return text }
        switch Severity(rawValue: severity) {
        case .critical: return "\u{1B}[1;31m\(text)\u{1B}[0m"
        case .error: return "\u{1B}[31m\(text)\u{1B}[0m"
        case .warning: return "\u{1B}[33m\(text)\u{1B}[0m"
        case .info, nil: return text
        }
    }
}
