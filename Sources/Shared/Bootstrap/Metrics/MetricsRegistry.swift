internal import CoreMetrics
internal import Synchronization

/// Everything that the process counts, as Prometheus reads it.
///
/// What is counted per message isn't recorded here but collected when somebody asks: see ``addCollector(_:)``.
package final class MetricsRegistry: Sendable {
    /// One number of a family, with its labels.
    package struct Sample: Sendable {
        package let name: String
        package let labels: [(String, String)]
        package let value: Double
        package let type: SampleType

        package init(_ name: String, _ labels: [(String, String)] = [], counter value: Int) {
            (self.name, self.labels, self.value, self.type) = (name, labels, Double(value), .counter)
        }

        package init(_ name: String, _ labels: [(String, String)] = [], gauge value: Double) {
            (self.name, self.labels, self.value, self.type) = (name, labels, value, .gauge)
        }
    }

    package enum SampleType: String, Sendable {
        case counter, gauge, histogram
    }

    struct Key: Hashable {
        let name: String
        let labels: [String]

        init(_ name: String, _ dimensions: [(String, String)]) {
            self.name = name
            self.labels = dimensions.sorted { $0.0 < $1.0 }.flatMap { [$0.0, $0.1] }
        }

        var pairs: [(String, String)] {
            stride(from: 0, to: labels.count, by: 2).map { (labels[$0], labels[$0 + 1]) }
        }
    }

    private struct State {
        var counters: [Key: CounterSeries] = [:]
        var gauges: [Key: GaugeSeries] = [:]
        var histograms: [Key: HistogramSeries] = [:]
        var collectors: [@Sendable () -> [Sample]] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Has the samples asked for whenever the metrics are read.
    package func addCollector(_ collect: @escaping @Sendable () -> [Sample]) {
        state.withLock { $0.collectors.append(collect) }
    }

    /// Makes swift-metrics record here.
    package func install() {
        MetricsSystem.bootstrap(RegistryFactory(registry: self))
    }

    func counter(_ key: Key) -> CounterSeries {
        state.withLock { $0.counters[key, default: CounterSeries()].kept(in: &$0.counters, key) }
    }

    func gauge(_ key: Key) -> GaugeSeries {
        state.withLock { $0.gauges[key, default: GaugeSeries()].kept(in: &$0.gauges, key) }
    }

    func histogram(_ key: Key, scale: Double) -> HistogramSeries {
        state.withLock { $0.histograms[key, default: HistogramSeries(scale: scale)].kept(in: &$0.histograms, key) }
    }

    /// The text exposition format 0.0.4.
    package func render() -> String {
        let (counters, gauges, histograms, collectors) = state.withLock {
            ($0.counters, $0.gauges, $0.histograms, $0.collectors)
        }
        var text = PrometheusText()
        for (key, series) in counters { text.add(key.name, .counter, key.pairs, Double(series.current)) }
        for (key, series) in gauges { text.add(key.name, .gauge, key.pairs, series.current) }
        for (key, series) in histograms { text.add(key.name, key.pairs, series.snapshot()) }
        for sample in collectors.flatMap({ $0() }) { text.add(sample.name, sample.type, sample.labels, sample.value) }
        return text.rendered
    }
}

/// A number that belongs to a name and labels.
protocol MetricSeries: AnyObject {}

extension MetricSeries {
    /// The series, entered under its key.
    fileprivate func kept(in table: inout [MetricsRegistry.Key: Self], _ key: MetricsRegistry.Key) -> Self {
        table[key] = self
        return self
    }
}
