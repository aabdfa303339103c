import Access
import CEmbedded
import HTTPServer
import JSON

/// The contract and the index of routes.
extension LogbookAPI {
    var contractRoutes: [Route] {
        [
            contractRoute(
                "/openapi.yaml", "this contract, as YAML",
                StaticAnswer("application/yaml", embedded_openapi_yaml())),
            contractRoute(
                "/openapi.json", "this contract, as JSON",
                StaticAnswer("application/json", embedded_openapi_json())),
        ]
    }

    private func contractRoute(_ path: String, _ summary: String, _ answer: StaticAnswer) -> Route {
        route(.get, path, summary, scope: nil, statuses: [.ok, .notModified, .badRequest]) {
            [self] request, response throws(Problem) in
            _ = try parameters(request, known: [])
            answer.write(to: &response, for: request)
        }
    }

    /// `GET /`: the list of routes, as JSON unless a browser asks.
    func indexRoute(of routes: [Route]) -> Route {
        let path = "/"
        let summary = "this index"
        let statuses: [HTTPStatus] = [.ok, .notModified, .badRequest]
        let index = RouteIndex(
            routes.map(RouteIndex.Entry.init)
                + [
                    RouteIndex.Entry(
                        method: .get, path: path, summary: summary, scope: nil, parameters: [],
                        statuses: statuses)
                ])
        let answers = [
            StaticAnswer("application/json", index.json),
            StaticAnswer("text/html; charset=utf-8", index.page),
        ]
        return route(.get, path, summary, scope: nil, statuses: statuses) {
            [self] request, response throws(Problem) in
            _ = try parameters(request, known: [])
            // A client that accepts neither gets JSON, because an index that is a 406 helps nobody.
            let preferred = MediaType.preferred(
                of: ["application/json", "text/html"], request.header("accept"))
            response.addHeader("Vary", "Accept")
            // The page has its own style; nothing else may run or be fetched.
            response.addHeader(
                "Content-Security-Policy",
                "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
            answers[preferred ?? 0].write(to: &response, for: request)
        }
    }
}
