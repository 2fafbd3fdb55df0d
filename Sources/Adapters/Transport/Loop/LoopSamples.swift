package import Bootstrap

extension AdapterLoops {
    /// Has what the loops count added up whenever somebody reads the metrics.
    package func register(in registry: MetricsRegistry) {
        let samples = LoopSamples(counters: counters)
        registry.addCollector { samples.samples() }
    }
}

private struct LoopSamples: Sendable {
    let counters: [LoopCounters]

    func samples() -> [MetricsRegistry.Sample] {
        let published = "fluxgate_messages_published_total"
        let delivered = "fluxgate_messages_delivered_total"
        let dropped = "fluxgate_messages_dropped_total"
        let throttled = "fluxgate_throttled_total"
        let connections = "fluxgate_connections"
        return [
            .init("fluxgate_access_checks_total", counter: sum { $0.accessChecks.current }),
            .init("fluxgate_access_questions_total", counter: sum { $0.accessQuestions.current }),
            .init(published, [("protocol", "http")], counter: sum { $0.publishedHTTP.current }),
            .init(published, [("protocol", "ws")], counter: sum { $0.publishedWS.current }),
            .init(published, [("protocol", "mqtt")], counter: sum { $0.publishedMQTT.current }),
            .init(delivered, [("protocol", "ws")], counter: sum { $0.deliveredWS.current }),
            .init(delivered, [("protocol", "mqtt")], counter: sum { $0.deliveredMQTT.current }),
            .init(dropped, [("protocol", "ws")], counter: sum { $0.droppedWS.current }),
            .init(dropped, [("protocol", "mqtt")], counter: sum { $0.droppedMQTT.current }),
            .init("fluxgate_subscribers_too_slow_total", counter: sum { $0.tooSlow.current }),
            .init("fluxgate_messages_expired_total", counter: sum { $0.expired.current }),
            .init(throttled, [("protocol", "ws")], counter: sum { $0.throttledWS.current }),
            .init(throttled, [("protocol", "mqtt")], counter: sum { $0.throttledMQTT.current }),
            .init(connections, [("protocol", "ws")], gauge: Double(sum { $0.connectionsWS.current })),
            .init(connections, [("protocol", "mqtt")], gauge: Double(sum { $0.connectionsMQTT.current })),
        ]
    }

    private func sum(_ number: (LoopCounters) -> Int) -> Int {
        counters.reduce(0) { $0 + number($1) }
    }
}
