import CoreMetrics
import HTTPSupport
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Synchronization
import Testing

@Suite struct MetricsTests {
    @Test func countsCallsAndRefusalsUnderTheContractsNames() async throws {
        let factory = RecordingFactory()
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
        let factory = RecordingFactory()

        _ = try await withListener(metrics: RESTMetrics(namespace: "things_api", factory: factory)) { port in
            try await exchange("GET / HTTP/1.1\r\n\r\n", port: port)
        }

        #expect(factory.total("fluxgate_refused_total{protocol=rest,reason=400}") == 1)
    }
}

/// Adds up what is counted, and counts what is timed.
private final class RecordingFactory: MetricsFactory {
    private let totals = Mutex<[String: Int64]>([:])

    func total(_ name: String) -> Int64? { totals.withLock { $0[name] } }

    fileprivate struct Handler: Sendable {
        let name: String
        let factory: RecordingFactory

        func add(_ amount: Int64) { factory.totals.withLock { $0[name, default: 0] += amount } }
    }

    private func handler(_ label: String, _ dimensions: [(String, String)]) -> Instrument {
        let labels = dimensions.map { "\($0.0)=\($0.1)" }.joined(separator: ",")
        return Instrument(Handler(name: "\(label){\(labels)}", factory: self))
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { handler(label, dimensions) }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { handler(label, dimensions) }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        NOOPMetricsHandler.instance
    }

    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}

private final class Instrument: CounterHandler, TimerHandler {
    private let handler: RecordingFactory.Handler

    init(_ handler: RecordingFactory.Handler) {
        self.handler = handler
    }

    func increment(by amount: Int64) { handler.add(amount) }
    func recordNanoseconds(_ duration: Int64) { handler.add(1) }
    func reset() {}
}
