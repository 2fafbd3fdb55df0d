package import Model

/// The query of a request, decoded as a form is: `%xx` strictly, `+` as a blank. Commas are ordinary characters.
///
/// Keys that nobody asks for are ignored; one that is asked for may stand there once.
package struct QueryParameters: Sendable {
    private let values: [String: [String]]

    package init(_ query: some StringProtocol) throws(Problem) {
        var values: [String: [String]] = [:]
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard
                let name = try? PercentDecoding.decode(parts[0], plusIsBlank: true).get(),
                let value = try? PercentDecoding.decode(parts.count > 1 ? parts[1] : "", plusIsBlank: true).get()
            else { throw .malformedQuery("the query string can't be decoded") }
            values[name, default: []].append(value)
        }
        self.values = values
    }

    /// The value of a key, or nil if it isn't there.
    package func string(_ name: String) throws(Problem) -> String? {
        guard let all = values[name] else { return nil }
        guard all.count == 1 else { throw .malformedQuery("'\(name)' is given more than once") }
        guard !all[0].unicodeScalars.contains("\u{0}") else { throw .malformedQuery("'\(name)' holds U+0000") }
        return all[0]
    }

    /// A whole number of digits only, or nil if the key isn't there.
    package func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let text = try string(name) else { return nil }
        let isDigits = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard isDigits, let number = Int(text), range.contains(number) else {
            throw .malformedQuery("'\(name)' must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A JSON object, or nil if the key isn't there or its value is `null`.
    package func object(_ name: String) throws(Problem) -> JSONObject? {
        guard let text = try string(name) else { return nil }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text)
        } catch {
            throw .malformedQuery("'\(name)': \(error)")
        }
        switch value {
        case .object(let members): return members
        case .null: return nil
        default: throw .malformedQuery("'\(name)' must be a JSON object")
        }
    }

    /// `offset` and `limit` (contract 2.4).
    package func page() throws(Problem) -> PageRequest {
        PageRequest(
            offset: try integer("offset", in: 0...Int.max) ?? 0,
            limit: try integer("limit", in: PageRequest.limits) ?? PageRequest.defaultLimit
        )
    }
}
