import HTTPServer

/// The media type, or the coding, that a client prefers for an answer (RFC 9110, sections 12.5.1
/// and 12.5.3).
enum MediaType {
    /// The index of the type in `offered` with the highest weight in `accept`, the first if several
    /// have it; nil if none is accepted. A type's parameters are ignored.
    static func preferred(of offered: [StaticString], _ accept: UnsafeRawBufferPointer?) -> Int? {
        guard let accept else { return 0 }
        let ranges = String(decoding: accept, as: UTF8.self).lowercased().split(separator: ",").map(
            Self.range)
        var best: (index: Int, weight: Double)?
        for (index, type) in offered.enumerated() {
            let weight = Self.weight(of: String(describing: type), ranges)
            if weight > best?.weight ?? 0 { best = (index, weight) }
        }
        return best?.index
    }

    private static func range(_ text: Substring) -> (type: String, weight: Double) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { part in
            String(part.filter { $0 != " " && $0 != "\t" })
        }
        let weight = parts.dropFirst().first { $0.hasPrefix("q=") }
        return (parts.first ?? "", weight.map { Double($0.dropFirst(2)) ?? 0 } ?? 1)
    }

    /// "Media ranges can be overridden by more specific media ranges."
    private static func weight(
        of type: String, _ ranges: [(type: String, weight: Double)]
    ) -> Double {
        let family = type.prefix { $0 != "/" } + "/*"
        for wanted in [type, String(family), "*/*"] {
            if let range = ranges.first(where: { $0.type == wanted }) { return range.weight }
        }
        return 0
    }
}
