internal import HTTPTypes
package import Metrics

/// What a REST listener counts: calls and their times under the contract's names, in seconds (contract 0.1), and
/// refusals.
package struct RESTMetrics: Sendable {
    private let namespace: String
    private let factory: any MetricsFactory

    /// - Parameter namespace: `users_api`, `things_api`.
    package init(namespace: String, factory: any MetricsFactory = MetricsSystem.factory) {
        self.namespace = namespace
        self.factory = factory
    }

    /// The instruments of one route, made once.
    struct Instruments: Sendable {
        let count: Counter
        let latency: Timer
    }

    func instruments(label: String) -> Instruments {
        let dimensions = [("method", label)]
        return Instruments(
            count: Counter(label: "\(namespace)_request_count", dimensions: dimensions, factory: factory),
            latency: Timer(label: "\(namespace)_request_latency_seconds", dimensions: dimensions, factory: factory)
        )
    }

    /// Counts an answer that says no: `fluxgate_refused_total{protocol="rest",reason="400"}`.
    package func countRefusal(_ status: Int) {
        let dimensions = [("protocol", "rest"), ("reason", String(status))]
        Counter(label: "fluxgate_refused_total", dimensions: dimensions, factory: factory).increment()
    }
}
