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

    /// A file that the page for browsers is made of.
    var pageRoute: Route {
        route(
            .get, "/page/{file}", "a file of the page", scope: nil,
            statuses: [.ok, .notModified, .badRequest, .notFound]
        ) { [self] request, response throws(Problem) in
            _ = try parameters(request, known: [])
            let name = String(decoding: request.parameter, as: UTF8.self)
            guard let answer = page.answer(name, for: request) else {
                throw Problem(.notFound, "The page has no file of this name.")
            }
            response.addHeader("Vary", "Accept-Encoding")
            answer.write(to: &response, for: request)
        }
    }

    /// `GET /`: what there is, as JSON; for a browser the page, whose own the query is.
    func indexRoute(of routes: [Route]) -> Route {
        let path = "/"
        let summary = "this index; for a browser the page"
        let statuses: [HTTPStatus] = [.ok, .notModified, .badRequest]
        let index = StaticAnswer(
            "application/json",
            RouteIndex(
                routes.map(RouteIndex.Entry.init)
                    + [
                        RouteIndex.Entry(
                            method: .get, path: path, summary: summary, scope: nil, parameters: [],
                            statuses: statuses)
                    ]
            ).json)
        return route(.get, path, summary, scope: nil, statuses: statuses) {
            [self] request, response throws(Problem) in
            // A client that accepts neither gets JSON, because an index that is a 406 helps nobody.
            let preferred = MediaType.preferred(
                of: ["application/json", "text/html"], request.header("accept"))
            let html = preferred == 1 ? page.answer(Page.index, for: request) : nil
            if html == nil { _ = try parameters(request, known: []) }
            response.addHeader("Vary", "Accept, Accept-Encoding")
            Page.addSecurity(to: &response)
            (html ?? index).write(to: &response, for: request)
        }
    }
}
