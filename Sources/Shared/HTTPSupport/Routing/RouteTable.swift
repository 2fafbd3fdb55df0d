package import HTTPTypes
package import Hummingbird
internal import Model

/// The routes of one listener, and the rules for paths that all share.
///
/// A `HEAD` is answered by the `GET` route; a known path with another method is 405 with `Allow`; a trailing slash on a
/// known path is 308 to the path without; an empty segment where a parameter stands is 400; anything else is 404.
package struct RouteTable: Sendable {
    package typealias Handler = @Sendable (RESTRequest) async throws -> Response

    /// Largest body of a route that doesn't say otherwise.
    package static let defaultBodyLimit = 1 << 20

    struct Route: Sendable {
        let method: HTTPRequest.Method
        let pattern: RoutePattern
        let label: String?
        let bodyLimit: Int
        let handler: Handler
    }

    enum Match {
        case route(Route, parameters: [String: String])
        case redirect(to: String)
    }

    private(set) var routes: [Route] = []

    package init() {}

    /// Adds a route.
    ///
    /// - Parameters:
    ///   - pattern: literals and `:name` parameters, as `/things/:id/channels`.
    ///   - label: the `method` label of the contract's metrics; nil for a route that isn't measured.
    package mutating func on(
        _ method: HTTPRequest.Method,
        _ pattern: String,
        as label: String?,
        bodyLimit: Int = defaultBodyLimit,
        _ handler: @escaping Handler
    ) {
        let route = Route(
            method: method,
            pattern: RoutePattern(pattern),
            label: label,
            bodyLimit: bodyLimit,
            handler: handler
        )
        let place = routes.firstIndex { route.pattern.isMoreSpecific(than: $0.pattern) } ?? routes.endIndex
        routes.insert(route, at: place)
    }

    /// Adds `GET /version`.
    package mutating func addVersion(service: String, version: String) {
        on(.get, "/version", as: nil) { _ in
            .json(.ok, ["service": .string(service), "version": .string(version)])
        }
    }

    func match(_ method: HTTPRequest.Method, _ target: RequestTarget) throws(Problem) -> Match {
        let fitting = candidates(target.segments)
        if !fitting.isEmpty { return try choose(method, among: fitting) }
        guard target.segments.count > 1, target.segments.last == "" else { throw .notFound }
        // Only the path of a route is answered with a redirect, so none can lead to another host.
        guard !candidates(target.segments.dropLast()).isEmpty else { throw .notFound }
        let query = target.query.isEmpty ? "" : "?" + target.query
        return .redirect(to: target.path.dropLast() + query)
    }

    private typealias Candidate = (route: Route, parameters: [String: String])

    private func candidates(_ segments: some Collection<String>) -> [Candidate] {
        let segments = Array(segments)
        return routes.compactMap { route in route.pattern.match(segments).map { (route, $0) } }
    }

    private func choose(_ method: HTTPRequest.Method, among candidates: [Candidate]) throws(Problem) -> Match {
        let chosen =
            candidates.first { $0.route.method == method }
            ?? (method == .head ? candidates.first { $0.route.method == .get } : nil)
        guard let chosen else { throw .methodNotAllowed(allowed: Self.methods(candidates)) }
        if let empty = chosen.parameters.first(where: { $0.value.isEmpty }) {
            throw .malformed("the path's '\(empty.key)' is empty")
        }
        return .route(chosen.route, parameters: chosen.parameters)
    }

    private static func methods(_ candidates: [Candidate]) -> [HTTPRequest.Method] {
        var names = Set(candidates.map(\.route.method.rawValue))
        if names.contains("GET") { names.insert("HEAD") }
        return names.sorted().compactMap { HTTPRequest.Method($0) }
    }
}
