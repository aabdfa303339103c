import Events

/// Writes events as a table that fits the terminal. A column that has become wide stays wide.
struct EventTableWriter {
    /// The style of a table.
    struct Style {
        var times: TimeWriter
        var showsIDs = false
        var showsNamespaces = false
        /// True to show the cluster and the component too.
        var isWide = false
        var hasColours = StandardOutput.hasColours
        /// The width to fit; nil cuts nothing off.
        var columns: Int? = StandardOutput.terminalColumns
    }

    private enum Column: String {
        case id = "ID"
        case namespace = "NAMESPACE"
        case lastSeen = "LAST SEEN"
        case severity = "SEVERITY"
        case reason = "REASON"
        case object = "OBJECT"
        case count = "COUNT"
        case cluster = "CLUSTER"
        case component = "COMPONENT"
        case message = "MESSAGE"

        /// The least width on a narrow terminal; nil if it is not cut.
        var least: Int? {
            switch self {
            case .object: 14
            case .namespace, .reason, .cluster, .component: 8
            case .id, .lastSeen, .severity, .count, .message: nil
            }
        }

        /// The width in a live table, whose rows are written before all are known.
        var live: Int {
            switch self {
            case .reason: 17
            case .object: 30
            case .namespace, .cluster, .component: 12
            case .id: 36
            case .lastSeen, .severity, .count, .message: 0
            }
        }
    }

    private let style: Style
    private let columns: [Column]
    /// The widest cell of each column so far.
    private var widths: [Int]
    private var hasHeader = false

    private static let gap = 2
    /// The least width of the message; without it each event gets several lines.
    private static let messageColumns = 12

    init(_ style: Style) {
        self.style = style
        var columns: [Column] = [.lastSeen, .severity, .reason, .object, .count]
        if style.isWide || style.showsNamespaces { columns.insert(.namespace, at: 0) }
        if style.showsIDs { columns.insert(.id, at: 0) }
        if style.isWide { columns += [.cluster, .component] }
        self.columns = columns + [.message]
        widths = self.columns.map { max($0.rawValue.count, style.times.isLive ? $0.live : 0) }
    }

    /// The width of the narrowest terminal for a table.
    private var leastColumns: Int {
        columns.dropLast().reduce(Self.messageColumns) { width, column in
            width + (column.least ?? max(column.rawValue.count, column.live)) + Self.gap
        }
    }

    private func cell(_ column: Column, _ event: ListedEvent, _ now: Timestamp) -> String {
        switch column {
        case .id: event[.id] ?? ""
        case .namespace: event[.objectNamespace] ?? ""
        case .lastSeen: style.times.text(event[.createdAt] ?? "", now: now)
        case .severity: event[.severity] ?? ""
        case .reason: event[.reason] ?? ""
        case .object: event.object
        case .count: event.count
        case .cluster: event[.cluster] ?? ""
        case .component: event.component
        case .message: event.message
        }
    }

    /// Appends rows, with the header before the first one.
    mutating func append(_ events: [ListedEvent], now: Timestamp, to output: inout [UInt8]) {
        guard !events.isEmpty else { return }
        if let width = style.columns, width < leastColumns {
            for event in events { appendStack(event, now, width, to: &output) }
            return
        }
        let rows = events.map { event in columns.map { cell($0, event, now) } }
        for row in rows {
            for index in widths.indices {
                widths[index] = max(widths[index], TerminalText(row[index]).columns)
            }
        }
        let limits = fitted
        if !hasHeader { append(columns.map(\.rawValue), limits, isHeader: true, to: &output) }
        hasHeader = true
        for row in rows { append(row, limits, isHeader: false, to: &output) }
    }

    private func append(
        _ row: [String], _ limits: [Int], isHeader: Bool, to output: inout [UInt8]
    ) {
        var line = ""
        for (index, column) in columns.enumerated() {
            if index > 0 { line += String(repeating: " ", count: Self.gap) }
            let text = TerminalText(row[index], limit: limits[index])
            let padded = column == .message ? text.string : text.padded(to: limits[index])
            line += column == .severity && !isHeader ? coloured(padded, row[index]) : padded
        }
        appendLine(line, to: &output)
    }

    /// Appends an event on several lines, for a narrow terminal.
    private func appendStack(
        _ event: ListedEvent, _ now: Timestamp, _ width: Int, to output: inout [UInt8]
    ) {
        var line = ""
        func add(_ text: String, _ separator: String) {
            if !text.isEmpty { line += (line.isEmpty ? "" : separator) + text }
        }
        let severity = event[.severity] ?? ""
        var head = TerminalText(cell(.lastSeen, event, now)).string + "  "
        let count = event.count == "1" ? "" : "  x\(event.count)"
        let left = width - TerminalText(head + severity + count).columns
        head += coloured(TerminalText(severity).string, severity)
        if let reason = event[.reason], left > Self.gap {
            head += "  " + TerminalText(reason, limit: left - Self.gap).string
        }
        appendLine(head + count, to: &output)
        for column in columns where [.id, .cluster, .component].contains(column) {
            add(cell(column, event, now), "  ")
        }
        let namespace = columns.contains(.namespace) ? event[.objectNamespace] : nil
        add([namespace, event.object].compactMap(\.self).joined(separator: " "), "  ")
        for text in [line, event.message] {
            for part in TerminalText.lines(text, width: width - Self.gap) {
                appendLine("  " + part.string, to: &output)
            }
        }
    }

    private func appendLine(_ line: String, to output: inout [UInt8]) {
        output += Array(line.utf8.reversed().drop { $0 == UInt8(ascii: " ") }.reversed())
        output.append(UInt8(ascii: "\n"))
    }

    /// The width of each cell. On a terminal that is too narrow, the message gets a third, for
    /// which the widest of the others are cut.
    private var fitted: [Int] {
        guard let terminal = style.columns, let message = widths.last else { return widths }
        var fitted = widths
        var rest = terminal - widths.dropLast().reduce(0) { $0 + $1 + Self.gap }
        while rest < min(message, terminal / 3) {
            let wide = columns.indices.filter { index in
                columns[index].least.map { fitted[index] > $0 } ?? false
            }
            guard let widest = wide.max(by: { fitted[$0] < fitted[$1] }) else { break }
            fitted[widest] -= 1
            rest += 1
        }
        fitted[fitted.count - 1] = max(1, rest)
        return fitted
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
