internal import CoreMetrics
internal import Synchronization

/// A number that only grows.
final class CounterSeries: MetricSeries, CounterHandler, FloatingPointCounterHandler {
    private let value = Atomic<Int>(0)

    var current: Int { value.load(ordering: .relaxed) }

    func increment(by amount: Int64) { value.wrappingAdd(Int(amount), ordering: .relaxed) }
    func increment(by amount: Double) { value.wrappingAdd(Int(amount.rounded()), ordering: .relaxed) }
    func reset() {}
}

/// A number that goes up and down.
final class GaugeSeries: MetricSeries, MeterHandler, RecorderHandler {
    private let bits = Mutex<Double>(0)

    var current: Double { bits.withLock { $0 } }

    func set(_ value: Int64) { bits.withLock { $0 = Double(value) } }
    func set(_ value: Double) { bits.withLock { $0 = value } }
    func increment(by amount: Double) { bits.withLock { $0 += amount } }
    func decrement(by amount: Double) { bits.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(value) }
    func record(_ value: Double) { set(value) }
}

/// A distribution in fixed buckets, as Prometheus has it.
final class HistogramSeries: MetricSeries, RecorderHandler, TimerHandler {
    struct Snapshot {
        let bounds: [Double]
        /// One more than there are bounds; not cumulative.
        let counts: [Int]
        let sum: Double
    }

    /// Upper bounds for durations in seconds.
    static let bounds: [Double] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private let scale: Double
    private let state = Mutex((counts: [Int](repeating: 0, count: bounds.count + 1), sum: 0.0))

    /// - Parameter scale: what a recorded number is multiplied with; 1e-9 turns nanoseconds into seconds.
    init(scale: Double) {
        self.scale = scale
    }

    func snapshot() -> Snapshot {
        state.withLock { Snapshot(bounds: Self.bounds, counts: $0.counts, sum: $0.sum) }
    }

    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration)) }

    func record(_ value: Double) {
        let scaled = value * scale
        let bucket = Self.bounds.firstIndex { scaled <= $0 } ?? Self.bounds.count
        state.withLock {
            $0.counts[bucket] += 1
            $0.sum += scaled
        }
    }
}

/// Hands swift-metrics the registry's series.
struct RegistryFactory: MetricsFactory {
    let registry: MetricsRegistry

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        registry.counter(.init(label, dimensions))
    }

    func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        registry.counter(.init(label, dimensions))
    }

    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        registry.gauge(.init(label, dimensions))
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        aggregate ? registry.histogram(.init(label, dimensions), scale: 1) : registry.gauge(.init(label, dimensions))
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        registry.histogram(.init(label, dimensions), scale: 1e-9)
    }

    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}
