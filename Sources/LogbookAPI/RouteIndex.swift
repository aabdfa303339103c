import Access
import HTTPServer
import JSON

/// The list of routes.
struct RouteIndex {
    struct Entry {
        let method: HTTPMethod
        let path: String
        let summary: String
        let scope: Scopes?
        let parameters: [String]
        let statuses: [HTTPStatus]
    }

    private let entries: [Entry]

    init(_ entries: [Entry]) { self.entries = entries }

    var json: [UInt8] {
        var index: [UInt8] = []
        index.append("{\"name\":\"logbook\",\"routes\":")
        index.appendJSONArray(of: entries) { entry, body in
            body.append("\n{\"method\":")
            body.appendJSONString(entry.method.rawValue)
            body.append(",\"path\":")
            body.appendJSONString(entry.path)
            body.append(",\"summary\":")
            body.appendJSONString(entry.summary)
            body.append(",\"scope\":")
            if let scope = entry.scope {
                body.appendJSONString("\(scope)")
            } else {
                body.append("null")
            }
            body.append(",\"parameters\":")
            body.appendJSONArray(of: entry.parameters) { $1.appendJSONString($0) }
            body.append(",\"statuses\":")
            body.appendJSONArray(of: entry.statuses) { $1.appendInteger($0.code) }
            body.append("}")
        }
        index.append("}\n")
        return index
    }
}

extension RouteIndex.Entry {
    init(_ route: Route) {
        self.init(
            method: route.method, path: route.path, summary: route.summary, scope: route.scope,
            parameters: route.parameters, statuses: route.statuses)
    }
}
