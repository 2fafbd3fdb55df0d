package import Model

/// The members of a JSON object that came in: names match in any letter case, `null` counts as left out, a wrong type
/// is refused, and what nobody asks for is ignored (contract 0.1).
package struct JSONFields: Sendable, Equatable {
    private let members: JSONObject

    /// - Parameter value: an object, or `null`, which is an empty one.
    package init(_ value: JSONValue) throws(Problem) {
        switch value {
        case .object(let members): self.members = members
        case .null: self.members = [:]
        default: throw .malformed("a JSON object is expected")
        }
    }

    /// The member of exactly this name, else the first of those that differ in letter case only.
    package subscript(name: String) -> JSONValue? {
        if let exact = members[name] { return exact }
        let folded = name.lowercased()
        return members.filter { $0.key.lowercased() == folded }.min { $0.key < $1.key }?.value
    }

    package func string(_ name: String) throws(Problem) -> String? {
        switch self[name] {
        case nil, .null: return nil
        case .string(let text): return text
        default: throw .malformed("'\(name)' must be a string")
        }
    }

    package func object(_ name: String) throws(Problem) -> JSONObject? {
        switch self[name] {
        case nil, .null: return nil
        case .object(let members): return members
        default: throw .malformed("'\(name)' must be an object")
        }
    }

    package func array(_ name: String) throws(Problem) -> [JSONValue]? {
        switch self[name] {
        case nil, .null: return nil
        case .array(let elements): return elements
        default: throw .malformed("'\(name)' must be an array")
        }
    }

    package func strings(_ name: String) throws(Problem) -> [String]? {
        guard let elements = try array(name) else { return nil }
        var strings: [String] = []
        for element in elements {
            guard case .string(let text) = element else { throw .malformed("'\(name)' must hold strings only") }
            strings.append(text)
        }
        return strings
    }
}
