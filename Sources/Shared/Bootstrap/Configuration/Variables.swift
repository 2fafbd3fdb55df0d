internal import Configuration
package import Model
internal import Synchronization

/// The one reader of `MF_*` variables: an empty value counts as unset, and an error names variable and value.
///
/// What is read is also remembered, so that the program can list its variables and the documentation can be held to it.
package final class Variables: Sendable {
    /// A variable that was asked for.
    package struct Entry: Sendable, Hashable {
        package let name: String
        package let type: String
        /// As it would be written; nil if there is none.
        package let defaultValue: String?
        /// The same as a value, where ``defaultValue`` describes it.
        let actualDefault: String?

        init(name: String, type: String, defaultValue: String?, actualDefault: String? = nil) {
            (self.name, self.type, self.defaultValue) = (name, type, defaultValue)
            self.actualDefault = actualDefault ?? defaultValue
        }

        package static func == (left: Self, right: Self) -> Bool {
            left.name == right.name && left.type == right.type && left.defaultValue == right.defaultValue
        }

        package func hash(into hasher: inout Hasher) { hasher.combine(name) }
    }

    private let reader: ConfigReader
    private let known: Set<String>
    private let asked = Mutex<[Entry]>([])

    /// Reads from the given variables; usually those of the process.
    package init(_ environment: [String: String]) {
        self.reader = ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: environment))
        self.known = Set(environment.keys.filter { $0.hasPrefix("MF_") })
    }

    /// Everything that was asked for, by name.
    package var entries: [Entry] {
        asked.withLock { $0 }.sorted { $0.name < $1.name }
    }

    /// Variables that are set but that nobody asked for: usually a slip of the pen.
    package var unknown: [String] {
        known.subtracting(entries.map(\.name)).sorted()
    }

    /// Everything that was asked for, as it is now; secrets are only said to be set.
    package var effective: [(name: String, value: String)] {
        entries.map { entry in
            let value = text(entry.name, isSecret: entry.type == "secret")
            switch entry.type {
            case "secret": return (entry.name, value == nil ? "" : "(hidden)")
            case "addresses": return (entry.name, (value ?? entry.actualDefault ?? "").hidingUserInfo)
            default: return (entry.name, value ?? entry.actualDefault ?? "")
            }
        }
    }

    /// A comma-separated list of addresses, each of which may hold a user and a password: a secret.
    package func addresses(_ name: String, default defaultValue: String) -> [Secret] {
        (read(name, "addresses", defaultValue) ?? defaultValue).split(separator: ",").map { Secret(String($0)) }
    }

    /// - Parameter described: how the default is documented, if it isn't a constant.
    package func string(_ name: String, default defaultValue: String, described: String? = nil) -> String {
        read(name, "text", described ?? defaultValue, actual: defaultValue) ?? defaultValue
    }

    package func optionalString(_ name: String) -> String? {
        read(name, "text", nil)
    }

    package func secret(_ name: String) -> Secret? {
        read(name, "secret", nil).map(Secret.init)
    }

    package func integer(
        _ name: String,
        default defaultValue: Int,
        in range: ClosedRange<Int>,
        described: String? = nil
    ) throws(ConfigurationError) -> Int {
        guard let text = read(name, "integer", described ?? "\(defaultValue)", actual: "\(defaultValue)") else {
            return defaultValue
        }
        guard let number = Int(text), range.contains(number) else {
            throw ConfigurationError(name, text, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A whole number, or `off`.
    package func optionalInteger(
        _ name: String,
        default defaultValue: Int? = nil,
        in range: ClosedRange<Int> = 1...1_000_000_000
    ) throws(ConfigurationError) -> Int? {
        let usual = defaultValue.map { "\($0)" } ?? "off"
        let text = read(name, "integer", usual) ?? usual
        guard text.lowercased() != "off" else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let numbers = "a whole number from \(range.lowerBound) to \(range.upperBound)"
            throw ConfigurationError(name, text, "off, or \(numbers)")
        }
        return number
    }

    package func port(_ name: String, default defaultValue: Int) throws(ConfigurationError) -> Int {
        try integer(name, default: defaultValue, in: 0...65_535)
    }

    /// `true`, `t`, `1` and `false`, `f`, `0`, in any letter case (contract section 7).
    package func bool(
        _ name: String,
        default defaultValue: Bool,
        described: String? = nil
    ) throws(ConfigurationError) -> Bool {
        guard let text = read(name, "boolean", described ?? "\(defaultValue)", actual: "\(defaultValue)") else {
            return defaultValue
        }
        switch text.lowercased() {
        case "1", "t", "true": return true
        case "0", "f", "false": return false
        default: throw ConfigurationError(name, text, "true or false")
        }
    }

    /// A number with its unit: `500ms`, `10s`, `5m`, `1h`.
    ///
    /// - Parameter countsSeconds: whether a number without a unit counts seconds.
    package func duration(
        _ name: String,
        default defaultValue: String,
        in range: ClosedRange<Duration> = .milliseconds(1)...(.seconds(30 * 86_400)),
        countsSeconds: Bool = false
    ) throws(ConfigurationError) -> Duration {
        var text = read(name, "duration", defaultValue) ?? defaultValue
        if countsSeconds, text.last?.isNumber == true { text += "s" }
        guard let duration = Duration(variable: text), range.contains(duration) else {
            throw ConfigurationError(name, text, "a duration as 500ms, 10s, 5m or 1h within \(range)")
        }
        return duration
    }

    /// The same, or `off`.
    package func optionalDuration(
        _ name: String,
        default defaultValue: String = "off",
        in range: ClosedRange<Duration> = .seconds(1)...(.seconds(365 * 86_400))
    ) throws(ConfigurationError) -> Duration? {
        let text = read(name, "duration", defaultValue) ?? defaultValue
        guard text.lowercased() != "off" else { return nil }
        guard let duration = Duration(variable: text), range.contains(duration) else {
            throw ConfigurationError(name, text, "off, or a duration as 10s, 5m or 1h within \(range)")
        }
        return duration
    }

    package func choice<Value: RawRepresentable & CaseIterable & Sendable>(
        _ name: String,
        default defaultValue: Value,
        described: String? = nil
    ) throws(ConfigurationError) -> Value where Value.RawValue == String {
        let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
        guard let text = read(name, names, described ?? defaultValue.rawValue, actual: defaultValue.rawValue) else {
            return defaultValue
        }
        guard let value = Value(rawValue: text.lowercased()) else {
            throw ConfigurationError(name, text, "one of \(names)")
        }
        return value
    }

    private func read(
        _ name: String,
        _ type: String,
        _ defaultValue: String?,
        actual: String? = nil
    ) -> String? {
        asked.withLock { entries in
            guard !entries.contains(where: { $0.name == name }) else { return }
            entries.append(
                Entry(name: name, type: type, defaultValue: defaultValue, actualDefault: actual)
            )
        }
        return text(name, isSecret: type == "secret" || type == "addresses")
    }

    private func text(_ name: String, isSecret: Bool) -> String? {
        let key = ConfigKey(name.split(separator: "_").map { $0.lowercased() })
        let text = reader.string(forKey: key, isSecret: isSecret)
        return text.flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension String {
    /// Addresses without what stands before `@` in each.
    var hidingUserInfo: String {
        split(separator: ",").map { address in
            guard let at = address.lastIndex(of: "@") else { return String(address) }
            let scheme = address.firstRange(of: "://").map { address[..<$0.upperBound] } ?? ""
            return "\(scheme)(hidden)\(address[at...])"
        }
        .joined(separator: ",")
    }
}

/// A variable that can't be used as it is set.
package struct ConfigurationError: Error, CustomStringConvertible {
    package let variable: String
    package let description: String

    package init(_ variable: String, _ value: String, _ expected: String) {
        self.variable = variable
        self.description = "\(variable)='\(value)': expected \(expected)"
    }

    package init(_ variable: String, _ problem: String) {
        self.variable = variable
        self.description = "\(variable): \(problem)"
    }
}

extension String {
    /// What stands between the commas, without blanks around it.
    package var commaSeparated: [String] {
        split(separator: ",", omittingEmptySubsequences: false).map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }
}

extension Duration {
    /// Reads `500ms`, `10s`, `5m` or `1h`.
    package init?(variable text: String) {
        let number = text.prefix { $0.isASCII && $0.isNumber }
        guard let amount = Int64(number), amount <= 1_000_000_000 else { return nil }
        switch text.dropFirst(number.count) {
        case "ms": self = .milliseconds(amount)
        case "s": self = .seconds(amount)
        case "m": self = .seconds(amount * 60)
        case "h": self = .seconds(amount * 3_600)
        default: return nil
        }
    }

    /// Whole nanoseconds, 0 to the 584 years that fit.
    package var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        let (whole, overflows) = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowsToo) = whole.addingReportingOverflow(UInt64(clamping: attoseconds / 1_000_000_000))
        return overflows || overflowsToo ? .max : sum
    }
}
