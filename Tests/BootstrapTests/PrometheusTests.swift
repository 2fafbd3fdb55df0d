import CoreMetrics
import Testing

@testable import Bootstrap

/// The text exposition format 0.0.4.
@Suite struct PrometheusTests {
    private let registry = MetricsRegistry()

    private var factory: RegistryFactory { RegistryFactory(registry: registry) }

    private func lines() -> [String] { registry.render().split(separator: "\n").map(String.init) }

    @Test func nothingIsAnEmptyText() {
        #expect(registry.render() == "")
    }

    @Test func aCounterGrows() {
        let counter = Counter(label: "a_total", dimensions: [("b", "c")], factory: factory)
        counter.increment()
        counter.increment(by: 41)

        #expect(registry.render() == "# TYPE a_total counter\na_total{b=\"c\"} 42\n")
    }

    @Test func theSameLabelsInAnyOrderAreOneSeries() {
        Counter(label: "a", dimensions: [("x", "1"), ("y", "2")], factory: factory).increment()
        Counter(label: "a", dimensions: [("y", "2"), ("x", "1")], factory: factory).increment()
        Counter(label: "a", dimensions: [("x", "2"), ("y", "1")], factory: factory).increment()

        #expect(Set(lines()) == ["# TYPE a counter", #"a{x="1",y="2"} 2"#, #"a{x="2",y="1"} 1"#])
    }

    @Test func aGaugeGoesUpAndDown() {
        let gauge = Gauge(label: "a", factory: factory)
        gauge.record(5)
        #expect(lines() == ["# TYPE a gauge", "a 5"])
        gauge.record(-1.5)
        #expect(lines() == ["# TYPE a gauge", "a -1.5"])
        let meter = Meter(label: "a", factory: factory)
        meter.increment(by: 2)
        #expect(lines() == ["# TYPE a gauge", "a 0.5"])
    }

    @Test func theBucketsOfAHistogramAreCumulative() {
        let timer = Timer(label: "a_seconds", dimensions: [("m", "x")], factory: factory)
        for milliseconds in [0, 1, 2, 30, 30, 20_000] as [Int64] { timer.recordNanoseconds(milliseconds * 1_000_000) }
        let lines = lines()
        let counts = HistogramSeries.bounds.map { bound in
            [0.0, 0.001, 0.002, 0.03, 0.03, 20].count { $0 <= bound }
        }

        #expect(lines.first == "# TYPE a_seconds histogram")
        for (bound, count) in zip(HistogramSeries.bounds, counts) {
            #expect(lines.contains(#"a_seconds_bucket{m="x",le="\#(bound)"} \#(count)"#))
        }
        #expect(lines.contains(#"a_seconds_bucket{m="x",le="+Inf"} 6"#))
        #expect(lines.contains(#"a_seconds_count{m="x"} 6"#))
        let sum = lines.first { $0.hasPrefix("a_seconds_sum") }?.split(separator: " ").last.flatMap { Double($0) } ?? 0
        #expect(abs(sum - 20.063) < 1e-9)
        #expect(lines.count == HistogramSeries.bounds.count + 4)
    }

    @Test func aBoundBelongsToItsBucket() {
        Timer(label: "a", factory: factory).recordNanoseconds(5_000_000)

        #expect(lines().contains(#"a_bucket{le="0.0025"} 0"#) && lines().contains(#"a_bucket{le="0.005"} 1"#))
    }

    @Test func familiesAreInOrderEachWithOneType() {
        for name in ["b", "a", "c"] {
            Counter(label: name, dimensions: [("x", "1")], factory: factory).increment()
            Counter(label: name, dimensions: [("x", "2")], factory: factory).increment()
        }
        let types = lines().filter { $0.hasPrefix("#") }

        #expect(types == ["# TYPE a counter", "# TYPE b counter", "# TYPE c counter"])
        #expect(
            lines().map { $0.drop { $0 == "#" || $0 == " " }.replacing("TYPE ", with: "").first } == Array("aaabbbccc")
        )
    }

    @Test func labelValuesAreEscaped() {
        Counter(label: "a", dimensions: [("x", "q\" b\\ n\n é")], factory: factory).increment()

        #expect(lines().last == #"a{x="q\" b\\ n\n é"} 1"#)
    }

    @Test func namesThatWouldBreakTheTextAreMended() {
        Counter(label: "http.server-requests", dimensions: [("http.method", "GET"), ("1st", "x")], factory: factory)
            .increment()
        Gauge(label: "9 lives\n", factory: factory).record(9)

        #expect(
            lines() == [
                "# TYPE _9_lives_ gauge", "_9_lives_ 9", "# TYPE http_server_requests counter",
                #"http_server_requests{_1st="x",http_method="GET"} 1"#,
            ]
        )
    }

    @Test(arguments: [
        (0.0, "0"), (-0.25, "-0.25"), (1e14, "100000000000000"), (1e300, "1e+300"), (.infinity, "+Inf"),
        (-.infinity, "-Inf"),
        (.nan, "NaN"),
    ])
    func numbersAreWrittenAsPrometheusReadsThem(value: Double, text: String) {
        Gauge(label: "a", factory: factory).record(value)

        #expect(lines().last == "a \(text)")
    }

    @Test func aCollectorIsAskedEachTime() {
        let asked = Asked()
        registry.addCollector { [.init("a_total", [("x", "y")], counter: asked.next()), .init("b", gauge: 0.5)] }

        #expect(lines() == ["# TYPE a_total counter", #"a_total{x="y"} 1"#, "# TYPE b gauge", "b 0.5"])
        #expect(lines().contains(#"a_total{x="y"} 2"#))
    }

    @Test func manyThreadsCountTogether() async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { [factory] in
                    for _ in 0..<1_000 { Counter(label: "a", factory: factory).increment() }
                    Timer(label: "t", factory: factory).recordNanoseconds(1)
                }
            }
        }

        #expect(lines().contains("a 8000") && lines().contains("t_count 8"))
    }
}

/// Counts how often it was asked.
private final class Asked: Sendable {
    private let series = CounterSeries()

    func next() -> Int {
        series.increment(by: Int64(1))
        return series.current
    }
}
