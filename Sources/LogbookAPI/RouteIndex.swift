import Access
import HTTPServer
import JSON

/// The list of routes, for programs and for people.
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

    /// A self-contained page. Nothing in it comes from a client, so nothing is escaped.
    var page: [UInt8] {
        let rows = entries.map { entry in
            let isLink = entry.method == .get && !entry.path.contains("{")
            // Relative, so that it works under any prefix that a proxy adds.
            let path = isLink ? "<a href=\".\(entry.path)\">\(entry.path)</a>" : entry.path
            return """
                <tr><td>\(entry.method.rawValue)<td>\(path)<td>\(entry.summary)\
                <td>\(entry.scope?.description ?? "")<td>\(entry.parameters.joined(separator: ", "))
                """
        }
        return Array(
            """
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <title>Logbook</title>
            <style>
            body { font: 1em/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; \
            color-scheme: light dark }
            table { border-collapse: collapse }
            th, td { text-align: left; vertical-align: top; padding: .2em 1em .2em 0; border-bottom: 1px solid #8884 }
            td:nth-child(2) { font-family: monospace; white-space: nowrap }
            </style>
            <h1>Logbook</h1>
            <p>A durable, queryable history of what happened in a cluster.
            <table>
            <tr><th>Method<th>Path<th>What it does<th>Scope<th>Query parameters
            \(rows.joined(separator: "\n"))
            </table>

            """.utf8)
    }
}

extension RouteIndex.Entry {
    init(_ route: Route) {
        self.init(
            method: route.method, path: route.path, summary: route.summary, scope: route.scope,
            parameters: route.parameters, statuses: route.statuses)
    }
}
