internal import HTTPTypes
package import Hummingbird
internal import Logging
internal import Metrics
internal import Model
internal import NIOCore

/// Answers the requests of one listener: finds the route, measures, and turns every error into its problem body.
package struct RESTResponder: HTTPResponder {
    package typealias Context = RESTContext

    package let metrics: RESTMetrics
    private let table: RouteTable
    private let proxies: ProxyNetworks
    private let instruments: [String: RESTMetrics.Instruments]

    /// - Parameter proxies: whose word counts for where a request comes from.
    package init(_ table: RouteTable, metrics: RESTMetrics, proxies: ProxyNetworks = .none) {
        self.table = table
        self.metrics = metrics
        self.proxies = proxies
        let labels = Set(table.routes.compactMap(\.label))
        self.instruments = Dictionary(uniqueKeysWithValues: labels.map { ($0, metrics.instruments(label: $0)) })
    }

    package func respond(to request: Request, context: RESTContext) async -> Response {
        let trace = HTTPField.Name.traceparent.flatMap { request.headers[$0] }.flatMap { TraceContext(traceparent: $0) }
        return await TraceContext.$current.withValue(trace) { await answer(request, context) }
    }

    private func answer(_ request: Request, _ context: RESTContext) async -> Response {
        let start = ContinuousClock.now
        var pattern = "–"
        var response: Response
        do {
            let target = try RequestTarget(request.head.path ?? "")
            switch try table.match(request.method, target) {
            case .route(let route, let parameters):
                pattern = route.pattern.description
                let call = RESTRequest(
                    request,
                    context: context,
                    client: proxies.client(behind: context.remote, request.headers),
                    parameters: parameters,
                    query: String(target.query),
                    bodyLimit: route.bodyLimit
                )
                response = await run(route, call)
            case .redirect(let location):
                response = .empty(.permanentRedirect, headers: [.location: location])
            }
        } catch {
            response = error.response
        }
        finish(&response, of: request)
        context.logger.debug(
            "request",
            metadata: [
                "method": "\(request.method)", "route": "\(pattern)", "status": "\(response.status.code)",
                "duration": "\(ContinuousClock.now - start)",
            ]
        )
        return response
    }

    private func run(_ route: RouteTable.Route, _ request: RESTRequest) async -> Response {
        let start = ContinuousClock.now
        let response: Response
        do {
            response = try await handle(route, request)
        } catch {
            response = problem(for: error, request).response
        }
        if let label = route.label, let instruments = instruments[label] {
            instruments.count.increment()
            instruments.latency.record(duration: ContinuousClock.now - start)
        }
        return response
    }

    /// On the connection's event loop, or, where the body may be large, on other threads: others of the loop don't wait for it.
    private func handle(_ route: RouteTable.Route, _ request: RESTRequest) async throws -> Response {
        guard route.bodyLimit > RouteTable.defaultBodyLimit else { return try await route.handler(request) }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) { try await route.handler(request) }
    }

    private func problem(for error: any Error, _ request: RESTRequest) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as any ProblemConvertible: return logged(error.problem, because: error, request)
        case is CancellationError: return logged(.unavailable(), because: error, request)
        // The guard of the connection has answered already; whatever is said here goes nowhere.
        case is RequestCutShort, is ChannelError: return Problem(.badRequest, "request cut short")
        default: return logged(.internalError, because: error, request)
        }
    }

    /// Our own failures are told to the log, with the request's id; the client learns nothing but the status.
    private func logged(_ problem: Problem, because error: any Error, _ request: RESTRequest) -> Problem {
        if problem.status.kind == .serverError {
            let level: Logger.Level = problem.status == .serviceUnavailable ? .warning : .error
            request.logger.log(level: level, "request failed", metadata: ["error": "\(error)"])
        }
        return problem
    }

    private func finish(_ response: inout Response, of request: Request) {
        // Answers hold tokens, keys and personal data.
        response.headers[.cacheControl] = "no-store"
        response.headers[.xContentTypeOptions] = "nosniff"
        if response.status.code >= 400 { metrics.countRefusal(response.status.code) }
        if request.method == .head { response = response.createHeadResponse() }
    }
}

extension HTTPField.Name {
    /// W3C Trace Context, section 3.2.
    fileprivate static let traceparent = Self(parsed: "traceparent")
}
