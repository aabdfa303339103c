import CLinux

/// Text made safe for a cell of a table: on one line, and without power over the terminal.
struct TerminalText {
    private(set) var string = ""
    /// The columns that it takes.
    private(set) var columns = 0

    /// Creates the text.
    ///
    /// - Parameter limit: the most columns; longer text ends in `…`.
    init(_ text: String, limit: Int = .max) {
        var scalars = String.UnicodeScalarView()
        /// The part that fits together with `…`.
        var cut: (scalars: Int, columns: Int)?
        for scalar in text.unicodeScalars {
            var shown = scalar
            var width = Int(clinux_character_columns(scalar.value))
            if width < 0 || PrintedText.isObeyed(scalar) {
                // An escape sequence in a title could overwrite earlier output.
                shown = scalar == "\n" || scalar == "\t" || scalar == "\r" ? " " : "\u{FFFD}"
                width = 1
            }
            if cut == nil, columns + width > limit - 1 { cut = (scalars.count, columns) }
            guard columns + width <= limit else {
                string = String(String.UnicodeScalarView(scalars.prefix(cut?.scalars ?? 0))) + "…"
                columns = (cut?.columns ?? 0) + 1
                return
            }
            scalars.append(shown)
            columns += width
        }
        string = String(scalars)
    }

    /// The text with blanks up to `width` columns.
    func padded(to width: Int) -> String {
        string + String(repeating: " ", count: max(0, width - columns))
    }

    /// `text` in lines of at most `width` columns, broken at blanks.
    static func lines(_ text: String, width: Int) -> [TerminalText] {
        var lines: [TerminalText] = []
        var line = ""
        for word in text.split(separator: " ") {
            let longer = line.isEmpty ? String(word) : "\(line) \(word)"
            if line.isEmpty || TerminalText(longer).columns <= width {
                line = longer
            } else {
                lines.append(TerminalText(line, limit: width))
                line = String(word)
            }
        }
        if !line.isEmpty { lines.append(TerminalText(line, limit: width)) }
        return lines
    }
}
