/// The text exposition format 0.0.4: families in the order of their names, each with its type.
struct PrometheusText {
    private var families: [String: (type: MetricsRegistry.SampleType, lines: [String])] = [:]

    mutating func add(
        _ name: String,
        _ type: MetricsRegistry.SampleType,
        _ labels: [(String, String)],
        _ value: Double
    ) {
        let name = Self.sound(name)
        append(name, type, Self.line(name, labels, value))
    }

    mutating func add(_ name: String, _ labels: [(String, String)], _ histogram: HistogramSeries.Snapshot) {
        let name = Self.sound(name)
        var total = 0
        for (bound, count) in zip(histogram.bounds.map { "\($0)" } + ["+Inf"], histogram.counts) {
            total += count
            append(name, .histogram, Self.line("\(name)_bucket", labels + [("le", bound)], Double(total)))
        }
        append(name, .histogram, Self.line("\(name)_sum", labels, histogram.sum))
        append(name, .histogram, Self.line("\(name)_count", labels, Double(total)))
    }

    var rendered: String {
        families.sorted { $0.key < $1.key }
            .map { name, family in
                "# TYPE \(name) \(family.type.rawValue)\n" + family.lines.joined(separator: "\n") + "\n"
            }
            .joined()
    }

    private mutating func append(_ name: String, _ type: MetricsRegistry.SampleType, _ line: String) {
        families[name, default: (type, [])].lines.append(line)
    }

    private static func line(_ name: String, _ labels: [(String, String)], _ value: Double) -> String {
        let text = labels.map { "\(sound($0.0))=\"\(escape($0.1))\"" }.joined(separator: ",")
        return labels.isEmpty ? "\(name) \(number(value))" : "\(name){\(text)} \(number(value))"
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    /// The name in the characters that names may have. One bad name would make the whole text unreadable, and libraries
    /// name their metrics as they like.
    private static func sound(_ name: String) -> String {
        let characters = name.unicodeScalars.map { scalar -> Character in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_": Character(scalar)
            default: "_"
            }
        }
        guard let first = characters.first else { return "_" }
        return (first.isNumber ? "_" : "") + String(characters)
    }

    private static func escape(_ value: String) -> String {
        var escaped = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
