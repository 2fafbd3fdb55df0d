package import CoreMetrics
internal import Synchronization

/// Adds up what is counted, counts what is timed, and keeps what was measured last.
package final class RecordingMetrics: MetricsFactory {
    private let totals = Mutex<[String: Int64]>([:])
    private let measures = Mutex<[String: Double]>([:])

    package init() {}

    /// The sum under `label{name=value,…}`; nil if nothing was counted there.
    package func total(_ name: String) -> Int64? { totals.withLock { $0[name] } }

    /// All that was counted.
    package var all: [String: Int64] { totals.withLock { $0 } }

    /// What was measured last under `label{name=value,…}`.
    package func measure(_ name: String) -> Double? { measures.withLock { $0[name] } }

    fileprivate func set(_ name: String, _ change: (inout Double) -> Void) {
        measures.withLock { change(&$0[name, default: 0]) }
    }

    fileprivate func add(_ amount: Int64, to name: String) { totals.withLock { $0[name, default: 0] += amount } }

    private func instrument(_ label: String, _ dimensions: [(String, String)]) -> Instrument {
        let labels = dimensions.map { "\($0.0)=\($0.1)" }.joined(separator: ",")
        return Instrument("\(label){\(labels)}", self)
    }

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        instrument(label, dimensions)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        instrument(label, dimensions)
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        instrument(label, dimensions)
    }

    package func makeRecorder(
        label: String,
        dimensions: [(String, String)],
        aggregate: Bool
    ) -> any RecorderHandler { NOOPMetricsHandler.instance }

    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}
}

private final class Instrument: CounterHandler, TimerHandler, MeterHandler {
    private let name: String
    private let metrics: RecordingMetrics

    init(_ name: String, _ metrics: RecordingMetrics) {
        self.name = name
        self.metrics = metrics
    }

    func increment(by amount: Int64) { metrics.add(amount, to: name) }
    func recordNanoseconds(_ duration: Int64) { metrics.add(1, to: name) }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { metrics.set(name) { $0 = value } }
    func increment(by amount: Double) { metrics.set(name) { $0 += amount } }
    func decrement(by amount: Double) { metrics.set(name) { $0 -= amount } }
    func reset() {}
}
