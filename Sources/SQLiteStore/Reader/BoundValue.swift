import SQLite

/// The value of a statement's parameter.
enum BoundValue: Hashable {
    /// UTF-8 bytes, because two equal `String`s may differ to SQLite.
    case text([UInt8])
    case integer(Int64)

    static func text(_ text: String) -> BoundValue { .text(Array(text.utf8)) }
}

extension Statement {
    /// Binds `values` to the first parameters, in order.
    func bind(_ values: [BoundValue]) throws(SQLiteError) {
        var index: Int32 = 1
        for value in values {
            switch value {
            case .text(let text): try bind(index, copying: text)
            case .integer(let integer): try bind(index, integer)
            }
            index += 1
        }
    }
}
