import Events
import PostgreSQL

/// The place in the order of pages after which a statement begins.
struct PagePlace {
    var createdAt: [UInt8]
    var seq: Int64

    init(createdAt: [UInt8], seq: Int64) {
        self.createdAt = createdAt
        self.seq = seq
    }

    init(_ event: EventView) {
        self.init(createdAt: event[.createdAt].map(Array.init) ?? [], seq: event.seq)
    }

    init(_ position: EventQuery.Position) {
        self.init(createdAt: Array(position.createdAt.utf8), seq: position.seq)
    }
}

extension PostgreSQLStatement {
    /// Selects events that match `query` in its order, after `place`.
    ///
    /// - Parameters:
    ///   - columns: the columns to select.
    ///   - lastSeq: the highest seq to select; nil for any.
    init(
        page query: EventQuery, columns: String = EventRow.columns, after place: PagePlace?,
        upTo lastSeq: Int64? = nil, limit: Int, offset: Int = 0
    ) {
        var rows = RowConditions(query.conditions)
        let isDescending = query.order == .descending
        if let place {
            let (time, seq) = (rows.bind(.text(place.createdAt)), rows.bind(.integer(place.seq)))
            rows.add("(created_at, seq) \(isDescending ? "<" : ">") (\(time), \(seq))")
        }
        if let lastSeq { rows.add("seq <= \(rows.bind(.integer(lastSeq)))") }
        let direction = isDescending ? "DESC" : "ASC"
        let skipping = offset > 0 ? " OFFSET \(offset)" : ""
        self.init(
            """
            SELECT \(columns) FROM events WHERE \(rows.sql) \
            ORDER BY created_at \(direction), seq \(direction) LIMIT \(limit)\(skipping)
            """, rows.values)
    }
}
