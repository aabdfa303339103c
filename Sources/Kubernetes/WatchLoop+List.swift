import Events
import HTTPClient
import Ingest
import JSON

/// A list of all events, page by page.
struct Listing {
    /// The version of the first page, where the watch begins, and the time of its request.
    var start: (version: UInt64, at: Timestamp)?
    /// The token of the next page.
    var next: String?
    /// True if the server has just said that the token has expired.
    var hasExpired = false
}

extension WatchLoop {
    /// A list's own metadata.
    private struct Metadata {
        let version: UInt64
        let next: String?
    }

    /// Stores all existing events and sets the position. After an error it continues at the same
    /// page.
    func list() throws(WatchError) {
        if !hasReadObserved {
            observed = try readObserved()
            keptObserved = observed
            hasReadObserved = true
        }
        var listing = listing ?? Listing()
        defer { self.listing = position == nil ? listing : nil }
        let client = try makeClient()
        repeat {
            try readPage(&listing, client)
        } while listing.next != nil
        guard let start = listing.start else { return }
        try recordGap(before: start.at)
        position = start.version
        mustLook = false
        watcher.update { $0.position = start.version }
        observe(start.at)
        keepObserved()
    }

    private func readPage(_ listing: inout Listing, _ client: HTTPClient) throws(WatchError) {
        let target = configuration.listTarget(after: listing.next)
        let now = clock.wall()
        switch try get(client, target, within: WatchConfiguration.pageTime) {
        case .success(let connection):
            setState(.listing)
            let metadata = try scan(connection) { item throws(WatchError) in try add(item) }
            try commit()
            if listing.start == nil { listing.start = (metadata.version, now) }
            listing.next = metadata.next
            listing.hasExpired = false
        case .failure(let refusal) where refusal.status == 410:
            // The rest has another version than the pages before. That is harmless: the watch
            // begins at the first page's.
            guard let next = refusal.next, listing.next != nil, !listing.hasExpired else {
                throw .stale(.gone)
            }
            listing.next = next
            listing.hasExpired = true
        case .failure(let refusal):
            if refusal.status == 400 { listing = Listing() }
            throw refusal.trouble
        }
    }

    /// Asks for the current version. A server restored from a backup may be behind the position,
    /// and a watch from a future position stays silent.
    func look(from position: UInt64) throws(WatchError) {
        let client = try makeClient()
        let target = configuration.listTarget(limit: 1, after: nil)
        switch try get(client, target, within: WatchConfiguration.pageTime) {
        case .failure(let refusal): throw refusal.trouble
        case .success(let connection):
            let metadata = try scan(connection) { _ throws(WatchError) in }
            if metadata.version < position { throw .stale(.future) }
        }
        mustLook = false
    }

    /// Reads a list as it arrives.
    private func scan(
        _ connection: HTTPConnection,
        _ item: (UnsafeRawBufferPointer) throws(WatchError) -> Void
    ) throws(WatchError) -> Metadata {
        var scanner = ListScanner(limit: WatchConfiguration.objectBytes)
        var version: UInt64?
        var next: String?
        var piece: [UInt8] = []
        while !scanner.isBroken, try receive(connection, &piece) {
            try scanner.take(piece) { part, bytes throws(WatchError) in
                switch part {
                case .item: try item(bytes)
                case .metadata:
                    version = JSONMember.version(["resourceVersion"], in: bytes)
                    let token = JSONMember.text(["continue"], in: bytes)
                    next = token?.isEmpty == true ? nil : token
                }
            }
        }
        skip(.tooLong, scanner.tooLong)
        guard scanner.isComplete, let version else {
            throw .trouble(Trouble(.unusable, "the answer is not a list of Kubernetes objects"))
        }
        return Metadata(version: version, next: next)
    }
}
