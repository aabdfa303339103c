import Events
import JSON

extension String {
    /// Without white space around it.
    var trimmed: String {
        func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }
        var scalars = unicodeScalars.drop(while: isBlank)
        while let last = scalars.last, isBlank(last) { scalars.removeLast() }
        return String(scalars)
    }

    /// Its first line that is not blank.
    var firstLine: String {
        // Most texts are one line of ASCII.
        let isPlain = utf8.allSatisfy { 0x20..<0x7F ~= $0 }
        if isPlain, utf8.first != 0x20, utf8.last != 0x20 { return self }
        let start = unicodeScalars.drop { $0.properties.isWhitespace }
        return String(start.prefix { !$0.breaksLine }).trimmed
    }

    /// As much of it as `field` may have.
    func cut(to field: EventField) -> String {
        switch field {
        case .title: prefix(scalars: EventRules.titleCharacters)
        case .description: prefix(bytes: EventRules.descriptionBytes)
        default: prefix(scalars: EventRules.nameCharacters)
        }
    }

    private func prefix(scalars count: Int) -> String {
        utf8.count <= count ? self : String(unicodeScalars.prefix(count))
    }

    private func prefix(bytes count: Int) -> String {
        guard utf8.count > count else { return self }
        var end = utf8.index(startIndex, offsetBy: count)
        while UTF8.isContinuation(utf8[end]) { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}

extension Sequence<UInt8> {
    /// The digits of all bytes in lower case.
    var hexadecimal: String {
        var digits: [UInt8] = []
        for byte in self {
            digits.append((byte >> 4).hexDigit)
            digits.append((byte & 0xF).hexDigit)
        }
        return String(decoding: digits, as: UTF8.self)
    }
}

extension Unicode.Scalar {
    /// Unicode, 5.8: a line ends here.
    fileprivate var breaksLine: Bool {
        switch value {
        case 0x0A...0x0D, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
}
