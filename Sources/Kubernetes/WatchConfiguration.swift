import EventStore
public import Events

/// The events to watch, and how to get them.
public struct WatchConfiguration: Sendable {
    /// The API server.
    public var server: APIServer
    /// The namespace to watch; nil for the whole cluster.
    public var namespace: String?
    /// A field selector that the server applies, such as `type!=Normal`.
    public var fieldSelector: String?
    /// The `cluster` of the stored events.
    public var cluster: String?
    /// The keys in metadata whose values are not stored.
    public var redaction: Redaction?
    /// The time that the server keeps an event: `--event-ttl` of kube-apiserver.
    public var eventTTL = Duration.seconds(3600)
    /// The name of this program in requests, such as `name/1.0`.
    public var userAgent: String

    // Only tests change these.

    /// The seconds that a watch lasts, as in client-go.
    var watchSeconds = 300...600
    /// A connection that lasts this much longer is dead.
    var grace = Duration.seconds(30)

    /// Watches the whole cluster of `server`.
    public init(server: APIServer, userAgent: String) {
        self.server = server
        self.userAgent = userAgent
    }

    /// The longest line of a watch and item of a list. etcd's limit keeps an Event below 1.5 MB.
    static let objectBytes = 2 * 1024 * 1024
    /// The items of a page, as in client-go.
    static let pageItems = 500
    /// The longest time that a page of a list may take.
    static let pageTime = Duration.seconds(600)
    /// The limits of a batch: events, bytes, and the time that the first event waits for others.
    static let batchEvents = 500
    static let batchBytes = 4 * 1024 * 1024
    static let batchTime = Duration.milliseconds(50)
    /// The least time between the starts of two watches, and between two lists after expired
    /// positions.
    static let watchInterval = Duration.seconds(1)
    static let relistInterval = Duration.seconds(30)
    /// A watch that ends sooner than this, without a line, had an expired position
    /// (kubernetes#104171).
    static let emptyWatchTime = Duration.seconds(2)
    /// The wait after a 403. The right is often granted a moment later.
    static let forbiddenPause = Duration.seconds(30)
    /// The longest wait that a server can request.
    static let longestRetryAfter = Duration.seconds(300)
    /// The time between two records of how far the watch has come.
    static let observationInterval = Duration.seconds(300)

    /// The name of the source: `kubernetes`, or `kubernetes/NAMESPACE`.
    var name: String { namespace.map { "kubernetes/\($0)" } ?? "kubernetes" }

    /// The source's name in the store. Another server is another cluster.
    var observedName: String { "\(name) \(server.address)" }

    // MARK: Requests

    /// The target of a page of the list.
    func listTarget(limit: Int = pageItems, after token: String?) -> String {
        target([("limit", String(limit))] + (token.map { [("continue", $0)] } ?? []))
    }

    /// The target of a watch.
    func watchTarget(from version: UInt64, seconds: Int) -> String {
        target([
            ("watch", "1"), ("resourceVersion", String(version)),
            ("timeoutSeconds", String(seconds)), ("allowWatchBookmarks", "true"),
        ])
    }

    private func target(_ parameters: [(name: String, value: String)]) -> String {
        let path = namespace.map { "/api/v1/namespaces/\(Self.encoded($0))/events" }
        let selector = fieldSelector.map { [(name: "fieldSelector", value: $0)] } ?? []
        let query = (parameters + selector).map { "\($0.name)=\(Self.encoded($0.value))" }
        return "\(path ?? "/api/v1/events")?\(query.joined(separator: "&"))"
    }

    /// Percent-encodes all but the unreserved characters (RFC 3986, 2.3).
    private static func encoded(_ text: String) -> String {
        text.utf8.reduce(into: "") { result, byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                result += "%" + String(byte >> 4, radix: 16, uppercase: true)
                result += String(byte & 15, radix: 16, uppercase: true)
            }
        }
    }
}
