internal import CoreMetrics

/// What operators see of the pool.
struct PostgresMetrics: Sendable {
    /// Connections that stand.
    let connections: Meter
    /// Callers that wait for one.
    let waiting: Meter
    /// Callers that have waited for one as long as they may.
    let waitTimeouts: Counter
    /// Addresses that didn't let us in in time.
    let connectTimeouts: Counter
    /// Statements that took the server too long.
    let statementTimeouts: Counter
    /// Statements to which no answer came at all.
    let answerTimeouts: Counter

    init(_ factory: any MetricsFactory) {
        func timeouts(_ of: String) -> Counter {
            Counter(label: "fluxgate_database_timeouts_total", dimensions: [("of", of)], factory: factory)
        }
        connections = Meter(label: "fluxgate_database_connections", factory: factory)
        waiting = Meter(label: "fluxgate_database_waiting", factory: factory)
        waitTimeouts = timeouts("wait")
        connectTimeouts = timeouts("connect")
        statementTimeouts = timeouts("statement")
        answerTimeouts = timeouts("answer")
    }
}
