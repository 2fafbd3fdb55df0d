internal import Bootstrap
internal import HTTPSupport
internal import HTTPTypes
internal import Hummingbird
internal import Model
internal import NIOCore

/// The operator's listener: is it alive, is it ready, what does it count, which version is it.
func makeOpsResponder(
    _ name: String,
    readiness: Readiness,
    registry: MetricsRegistry,
    version: String
) -> RESTResponder {
    var routes = RouteTable()
    routes.addVersion(service: name, version: version)
    routes.on(.get, "/health/live", as: nil) { _ in .json(.ok, ["status": "up"]) }
    routes.on(.get, "/health/ready", as: nil) { _ in
        let down = readiness.down
        guard down.isEmpty else {
            return .json(
                .serviceUnavailable,
                [
                    "status": "down", "down": .array(down.map { .string($0.name) }),
                    "reasons": .object(
                        JSONObject(down.map { ($0.name, JSONValue.string($0.reason)) }, uniquingKeysWith: { $1 })
                    ),
                ]
            )
        }
        return .json(.ok, ["status": "up"])
    }
    routes.on(.get, "/metrics", as: nil) { _ in
        Response(
            status: .ok,
            headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: registry.render()))
        )
    }
    return RESTResponder(routes, metrics: RESTMetrics(namespace: "ops"))
}
