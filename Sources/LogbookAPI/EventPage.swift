import EventStore
import Events
import HTTPServer
import JSON

/// The answer of a page of events.
struct EventPage: Sendable {
    let query: EventQuery
    /// The parameters as received, for the Link to the next page.
    private let parameters: QueryParameters

    /// The length at which a page ends early, before its limit, because an answer's memory is
    /// bounded too.
    static let maxBytes = 4 * 1024 * 1024

    init(_ parameters: QueryParameters, now: Timestamp) throws(QueryError) {
        query = try EventQuery(parameters.pairs, now: now)
        self.parameters = parameters
    }

    /// Reads the page and writes the answer.
    ///
    /// - Throws: `timeLimit` if it takes longer than `budget`; `response` is then unchanged.
    func render(
        _ reader: any EventReader, budget: Duration, to response: inout Response
    ) throws(StoreError) {
        var returned = 0
        var last: EventQuery.Position?
        var hasMore = false
        let total: Int?
        response.body.append("{\"events\":[")
        do {
            total = try reader.page(query, budget: budget) { event in
                guard returned < query.limit, response.body.count < Self.maxBytes else {
                    hasMore = true
                    return false
                }
                if returned > 0 { response.body.append(",") }
                if let selection = query.selection {
                    selection.appendJSON(event, to: &response.body)
                } else {
                    event.appendJSON(to: &response.body)
                }
                returned += 1
                // Only the last of the page can be the last returned.
                if returned == query.limit || response.body.count >= Self.maxBytes {
                    last = EventQuery.Position(event)
                }
                return true
            }
        } catch {
            response.body.removeAll(keepingCapacity: true)
            throw error
        }
        response.addHeader("Cache-Control", "no-store")
        response.body.append("],\"pagination\":{\"limit\":")
        response.body.appendInteger(query.limit)
        response.body.append(",\"returned\":")
        response.body.appendInteger(returned)
        response.body.append(",\"next_cursor\":")
        if hasMore, let last {
            let cursor = query.cursor(after: last)
            response.body.appendJSONString(cursor)
            response.addHeader("Link", link(cursor))
        } else {
            response.body.append("null")
        }
        if let total {
            response.body.append(",\"total\":")
            response.body.appendInteger(total)
        }
        response.body.append("}}\n")
    }

    /// RFC 8288: the same query with the next `cursor`. Relative to the request, so that it works
    /// under any prefix that a proxy adds.
    private func link(_ cursor: String) -> [UInt8] {
        var link = Array("<events?".utf8)
        for (name, value) in parameters.pairs where name != "cursor" && name != "offset" {
            link += PercentEncoding.encode(name.utf8)
            link.append(UInt8(ascii: "="))
            link += PercentEncoding.encode(value.utf8)
            link.append(UInt8(ascii: "&"))
        }
        link.append(contentsOf: "cursor=\(cursor)>; rel=\"next\"".utf8)
        return link
    }
}
