import Access
import EventStore
import Events
import HTTPServer
import Ingest
import JSON

/// Kubernetes' own API for events, read-only, over the whole history.
///
/// https://kubernetes.io/docs/reference/using-api/api-concepts/
extension LogbookAPI {
    var kubernetesRoutes: [Route] {
        KubernetesPath.routes.map { path in
            let isVersion = path == "/version"
            return Route(
                .get, path, takesRest: path.hasSuffix("}"), summary: Self.summary(of: path),
                parameters: isVersion ? [] : Self.kubernetesParameters,
                statuses: [
                    .ok, .badRequest, .notFound, .notAcceptable, .gone, .unprocessableContent,
                    .internalServerError, .serviceUnavailable, .gatewayTimeout, .unauthorized,
                    .forbidden,
                ],
                requirement: Requirement(.read)
            ) { request, response in
                do throws(KubernetesStatus) {
                    try self.answerKubernetes(request, &response)
                } catch {
                    error.write(to: &response)
                }
            }
        }
    }

    /// True if `route` is the path of one of these routes.
    static func isOfKubernetes(_ route: String) -> Bool { KubernetesPath.routes.contains(route) }

    private static func summary(of path: String) -> String {
        switch path {
        case "/version": "the version of Kubernetes' API that is spoken"
        case "/openapi/{path}": "what kubectl asks for of OpenAPI"
        case "/clusters/{path}": "Kubernetes' API with the events of one cluster"
        case "/since/{path}", "/from/{path}": "Kubernetes' API with the events of a range of time"
        case "/revisions/{path}": "Kubernetes' API with all revisions of each event"
        default: "Kubernetes' API, as far as kubectl needs it to read events"
        }
    }

    private static let kubernetesParameters = [
        "limit", "continue", "fieldSelector", "labelSelector", "resourceVersion", "watch",
        "allowWatchBookmarks", "timeoutSeconds", "includeObject",
    ]

    /// The range of a list without one.
    private static let usualSince = "24h"
    private static let usualRange: StaticString =
        "299 - \"only events of the latest 24 hours; put /since/7d behind the server's address, or /from/TIME/to/TIME\""
    private static let noSuchResource = KubernetesStatus(
        .notFound, "the server could not find the requested resource")
    private static let mostNamespaces = 1000
    /// Seconds after which a watch ends that did not say, and the most that it may say.
    private static let usualWatch = 1800, longestWatch = 86_400

    private func answerKubernetes(
        _ request: Request, _ response: inout Response
    ) throws(KubernetesStatus) {
        guard let path = KubernetesPath(request.path) else {
            throw Self.noSuchResource
        }
        let values = try kubernetesQuery(request)
        let accept = try KubernetesAccept(request.header("accept"))
        response.addHeader("Cache-Control", "no-store")
        switch path.resource {
        case .version: response.body += KubernetesDiscovery.version(version).utf8
        case .groups(let group):
            response.contentType = accept.discovery?.contentType ?? "application/json"
            response.body +=
                KubernetesDiscovery.groups(ofCore: group == .core, accept.discovery).utf8
        case .group(let name):
            guard let text = KubernetesDiscovery.group(name) else { throw Self.noSuchResource }
            response.body += text.utf8
        case .resources(let group, let version):
            guard let text = KubernetesDiscovery.resources(group, version) else {
                throw Self.noSuchResource
            }
            response.body += text.utf8
        case .openAPI(let version):
            response.body.append(
                version == "v3" ? "{\"paths\":{}}\n" : KubernetesDiscovery.openAPI2)
        case .namespaces, .namespace: try answerNamespaces(request, path, accept)
        case .event(let group, let namespace, let name):
            try answerEvent(request, path, group, namespace: namespace, name: name, accept)
        case .events(let group, let namespace):
            try answerEvents(
                request, &response, path, group, namespace: namespace, values, accept)
        }
    }

    private func kubernetesQuery(_ request: Request) throws(KubernetesStatus) -> [String: String] {
        do {
            let pairs = try QueryParameters(request.query).pairs
            return Dictionary(pairs.map { ($0.name, $0.value) }) { _, last in last }
        } catch {
            throw KubernetesStatus(Problem(error))
        }
    }

    /// Reads for a request of Kubernetes' API.
    private func readForKubernetes(
        _ request: Request, whenGone: (@Sendable () -> Void)? = nil, _ body: @escaping Reading
    ) {
        let tell = { @Sendable (problem: Problem, response: inout Response) in
            KubernetesStatus(problem).write(to: &response)
        }
        answerElsewhere(request, whenGone: whenGone, tell: tell) { reader, budget, response in
            do {
                try body(reader, budget, &response)
                response.addHeader("Cache-Control", "no-store")
            } catch let status as KubernetesStatus {
                response = Response()
                status.write(to: &response)
            }
        }
    }

    /// The query for the events of `path` with these `filters`, oldest first.
    private func kubernetesQuery(
        _ path: KubernetesPath, since: String?, _ filters: [(name: String, value: String)],
        cursor: String? = nil
    ) throws(KubernetesStatus) -> EventQuery {
        var parameters = filters
        parameters.append(("limit", "\(KubernetesList.batchEvents)"))
        parameters.append(("order", "asc"))
        if let cluster = path.cluster {
            guard KubernetesFieldSelector.isPlain(cluster) else {
                throw KubernetesStatus(.badRequest, "no cluster has this name")
            }
            parameters.append(("cluster", cluster))
        }
        if let since { parameters.append(("since", since)) }
        if let until = path.until { parameters.append(("until", until)) }
        if let cursor { parameters.append(("cursor", cursor)) }
        do {
            return try EventQuery(parameters, now: now())
        } catch {
            guard error.parameter != "cursor" else {
                throw KubernetesStatus(.badRequest, "continue key is not valid: \(error.detail)")
            }
            throw KubernetesStatus(Problem(error))
        }
    }

    // MARK: Events

    private func answerEvents(
        _ request: Request, _ response: inout Response, _ path: KubernetesPath,
        _ group: KubernetesPath.Group, namespace: String?, _ values: [String: String],
        _ accept: KubernetesAccept
    ) throws(KubernetesStatus) {
        guard values["labelSelector", default: ""].isEmpty else {
            throw KubernetesStatus(
                .badRequest, "events have no labels to select by; use a field selector")
        }
        let selection = KubernetesSelection(
            group: group, namespace: namespace,
            selector: try KubernetesFieldSelector(values["fieldSelector", default: ""]),
            table: try accept.table(including: values["includeObject"]))
        let isWatch = ["1", "true"].contains(values["watch"])
        guard values["sendInitialEvents"] == nil || !isWatch else {
            // A client then lists and watches instead.
            throw KubernetesStatus(
                .unprocessableContent,
                "sendInitialEvents is forbidden for watch: this server has no WatchList")
        }
        if isWatch { return try watchEvents(request, &response, path, selection, values) }
        let token = try continuation(values["continue"])
        let limit = try number("limit", values, 0...Int.max)
        let query = try kubernetesQuery(
            path, since: path.since ?? Self.usualSince, selection.filters, cursor: token?.cursor)
        let list = KubernetesList(
            repository, query, selection, .list, limit: limit == 0 ? nil : limit,
            at: try token.map { (token) throws(KubernetesStatus) in try position(token.version) },
            wantsAllRevisions: path.wantsAllRevisions, client: request.client)
        let wanted = try values["resourceVersion"].flatMap { (text) throws(KubernetesStatus) in
            text.isEmpty ? nil : try position(text)
        }
        let isUsual = path.since == nil
        readForKubernetes(request, whenGone: list.cancel) { reader, _, response in
            try list.begin(reader)
            if let wanted, wanted.seq > list.position.seq, token == nil {
                throw KubernetesStatus(
                    .gatewayTimeout,
                    "Too large resource version: \(wanted.seq), current: \(list.position.seq)")
            }
            if isUsual { response.addHeader("Warning", Self.usualRange) }
            response.source = { demand in list.send(to: demand) }
        }
    }

    private func continuation(_ text: String?) throws(KubernetesStatus)
        -> KubernetesList.Continuation?
    {
        guard let text, !text.isEmpty else { return nil }
        guard let token = KubernetesList.Continuation(text) else {
            throw KubernetesStatus(.badRequest, "continue key is not valid")
        }
        return token
    }

    private func position(_ version: String) throws(KubernetesStatus) -> StreamPosition {
        guard let position = KubernetesSelection.position(version) else {
            throw KubernetesStatus(.badRequest, "resourceVersion: must be a number from 0 on")
        }
        return position
    }

    private func number(
        _ name: String, _ values: [String: String], _ range: ClosedRange<Int>
    ) throws(KubernetesStatus) -> Int? {
        guard let text = values[name], !text.isEmpty else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw KubernetesStatus(
                .badRequest,
                "\(name): must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private func watchEvents(
        _ request: Request, _ response: inout Response, _ path: KubernetesPath,
        _ selection: KubernetesSelection, _ values: [String: String]
    ) throws(KubernetesStatus) {
        let watch = KubernetesWatch(
            selection: selection,
            sendsBookmarks: ["1", "true"].contains(values["allowWatchBookmarks"]))
        let seconds =
            try number("timeoutSeconds", values, 0...Self.longestWatch) ?? Self.usualWatch
        let lifetime = Duration.seconds(seconds == 0 ? Self.usualWatch : seconds)
        let version = values["resourceVersion", default: ""]
        let start = ["", "0"].contains(version) ? nil : try position(version)
        let query = try kubernetesQuery(path, since: path.since, selection.filters)
        let source = KubernetesWatchSource(
            liveTail.hub(for: request), StreamFilter(query), watch, client: request.client,
            thread: request.loopThread)
        if let start {
            do {
                try source.open(after: start)
            } catch {
                throw KubernetesStatus(error)
            }
            source.answer(&response, lifetime)
            return
        }
        // "Get State and Start at Any": everything there is, and then what changes.
        let first = try kubernetesQuery(
            path, since: path.since ?? Self.usualSince, selection.filters)
        let list = KubernetesList(
            repository, first, selection, .watch(watch), limit: nil, at: nil,
            wantsAllRevisions: path.wantsAllRevisions, client: request.client)
        readForKubernetes(request, whenGone: list.cancel) { reader, _, response in
            try list.begin(reader)
            source.answer(&response, lifetime, after: list)
        }
    }

    // MARK: One event

    private func answerEvent(
        _ request: Request, _ path: KubernetesPath, _ group: KubernetesPath.Group,
        namespace: String, name: String, _ accept: KubernetesAccept
    ) throws(KubernetesStatus) {
        let selection = KubernetesSelection(
            group: group, namespace: namespace,
            selector: try KubernetesFieldSelector("metadata.name=\(Self.escaped(name))"),
            table: try accept.table(including: nil))
        let lookUps = try Self.lookUps(name).map { (filters) throws(KubernetesStatus) in
            try kubernetesQuery(path, since: path.since, filters)
        }
        readForKubernetes(request) { reader, budget, response in
            let epoch = try reader.streamRange(after: 0, for: .all).epoch?.number
            var found = try Array(name.utf8).withUnsafeBytes { id in
                try reader.get(id: id) { selection.object($0, epoch: epoch) }
            }
            for query in lookUps where (found ?? nil) == nil {
                var newest: Int64 = 0
                try reader.page(query, budget: budget) { event in
                    guard event.seq > newest,
                        let object = selection.object(event, epoch: epoch)
                    else { return true }
                    newest = event.seq
                    found = object
                    return true
                }
            }
            guard let object = found ?? nil else {
                throw KubernetesStatus.notFound("events", name)
            }
            guard let table = selection.table else {
                selection.append(object, to: &response.body)
                response.body.append("\n")
                return
            }
            table.appendStart(to: &response.body)
            selection.append(object, to: &response.body)
            response.body.append("],\"metadata\":{}}\n")
        }
    }

    private static func escaped(_ value: String) -> String {
        value.reduce(into: "") { text, character in
            if "\\,=".contains(character) { text.append("\\") }
            text.append(character)
        }
    }

    /// Filters that find an event by its name, the quick ones first: most names begin with that of
    /// their object.
    private static func lookUps(_ name: String) -> [[(name: String, value: String)]] {
        var lookUps: [[(name: String, value: String)]] = []
        if let dot = name.lastIndex(of: "."), KubernetesFieldSelector.isPlain(String(name[..<dot]))
        {
            lookUps.append([("object_name", String(name[..<dot]))])
        }
        if !name.contains("\"") { lookUps.append([("q", "\"\(name)\"")]) }
        return lookUps
    }

    // MARK: Namespaces

    private func answerNamespaces(
        _ request: Request, _ path: KubernetesPath, _ accept: KubernetesAccept
    ) throws(KubernetesStatus) {
        let table = try accept.table(including: nil)
        readForKubernetes(request) { reader, _, response in
            var names = try reader.namespaces(limit: Self.mostNamespaces)
            if !names.contains(KubernetesObject.defaultNamespace) {
                names.append(KubernetesObject.defaultNamespace)
            }
            if case .namespace(let name) = path.resource {
                guard names.contains(name) else {
                    throw KubernetesStatus.notFound("namespaces", name)
                }
                names = [name]
            }
            let list = KubernetesNamespaces(names: names.sorted(), table: table)
            if case .namespace = path.resource, table == nil {
                list.appendFirst(to: &response.body)
            } else {
                list.append(to: &response.body)
            }
        }
    }
}

/// The rest of a watch, which begins with a list or at a position.
///
/// `@unchecked Sendable`: the stream is used only on the event loop's thread.
private final class KubernetesWatchSource: @unchecked Sendable {
    private let hub: StreamHub
    private let filter: StreamFilter
    private let watch: KubernetesWatch
    private let client: UInt64
    private let thread: LoopThread
    private var stream: EventStream?

    init(
        _ hub: StreamHub, _ filter: StreamFilter, _ watch: KubernetesWatch, client: UInt64,
        thread: LoopThread
    ) {
        self.hub = hub
        self.filter = filter
        self.watch = watch
        self.client = client
        self.thread = thread
    }

    /// Begins to follow. Only on the event loop.
    func open(after position: StreamPosition) throws(Problem) {
        stream = try hub.open(filter, .watch(watch), after: position, for: client, on: thread)
    }

    /// Makes `response` a watch, after `list` if there is one.
    func answer(_ response: inout Response, _ lifetime: Duration, after list: KubernetesList? = nil)
    {
        response.isLive = true
        response.lifetime = lifetime
        response.addHeader("X-Accel-Buffering", "no")
        response.source = { [self] demand in
            if let list, !list.isSent { list.send(to: demand) } else { follow(list, demand) }
        }
    }

    private func follow(_ list: KubernetesList?, _ demand: BodyDemand) {
        if stream == nil, let list {
            do {
                try open(after: list.position)
            } catch {
                var line: [UInt8] = []
                line.append("{\"type\":\"ERROR\",\"object\":")
                KubernetesStatus(error).append(to: &line)
                line.append("}\n")
                return demand.finish(line)
            }
        }
        guard let stream else { preconditionFailure("a watch follows a position or a list") }
        hub.add(stream, demand)
    }
}
