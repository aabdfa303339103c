/// A page of events.
struct EventList: Decodable, Sendable {
    struct Pagination: Decodable, Sendable {
        let limit: Int
        let returned: Int
        let nextCursor: String?

        enum CodingKeys: String, CodingKey {
            case limit, returned
            case nextCursor = "next_cursor"
        }
    }

    let events: [StoredEvent]
    let pagination: Pagination
}
