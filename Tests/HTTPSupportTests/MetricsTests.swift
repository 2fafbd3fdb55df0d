import HTTPSupport
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import TestSupport
import Testing

@Suite struct MetricsTests {
    @Test func countsCallsAndRefusalsUnderTheContractsNames() async throws {
        let factory = RecordingMetrics()
        let metrics = RESTMetrics(namespace: "things_api", factory: factory)

        try await Application(responder: RESTResponder(.sample(), metrics: metrics)).test(.router) { client in
            for path in ["/things", "/things", "/things?limit=0", "/nowhere"] {
                try await client.execute(uri: path, method: .get) { _ in }
            }
        }

        #expect(factory.total("things_api_request_count{method=list_things}") == 3)
        #expect(factory.total("things_api_request_latency_seconds{method=list_things}") == 3)
        #expect(factory.total("fluxgate_refused_total{protocol=rest,reason=400}") == 1)
        #expect(factory.total("fluxgate_refused_total{protocol=rest,reason=404}") == 1)
    }

    @Test func countsWhatTheConnectionRefuses() async throws {
        let factory = RecordingMetrics()

        _ = try await withListener(metrics: RESTMetrics(namespace: "things_api", factory: factory)) { port in
            try await exchange("GET / HTTP/1.1\r\n\r\n", port: port)
        }

        #expect(factory.total("fluxgate_refused_total{protocol=rest,reason=400}") == 1)
    }
}
