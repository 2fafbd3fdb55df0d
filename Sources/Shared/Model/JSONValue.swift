/// The members of a JSON object (RFC 8259); their order isn't kept.
package typealias JSONObject = [String: JSONValue]

/// Any JSON value. Integers that fit 64 bits stay exact; every other number is a double.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

extension JSONValue {
    /// Whether this value contains the other in the sense of PostgreSQL's `@>`: an object contains another if it has all
    /// its members, an array if it has all its elements; an array also contains a scalar that is one of its elements.
    package func contains(_ other: JSONValue) -> Bool {
        if case .array(let elements) = self, other.isScalar { return elements.contains { $0.equals(other) } }
        return containsNested(other)
    }

    private func containsNested(_ other: JSONValue) -> Bool {
        switch (self, other) {
        case (.object(let mine), .object(let theirs)):
            theirs.allSatisfy { name, value in mine[name]?.containsNested(value) ?? false }
        case (.array(let mine), .array(let theirs)):
            theirs.allSatisfy { value in mine.contains { $0.containsNested(value) } }
        default:
            equals(other)
        }
    }

    private var isScalar: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }

    /// Equality in which `1` and `1.0` are the same number.
    private func equals(_ other: JSONValue) -> Bool {
        switch (self, other) {
        case (.integer(let whole), .double(let number)), (.double(let number), .integer(let whole)):
            Double(whole) == number
        default: self == other
        }
    }
}

extension JSONValue: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode(JSONObject.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}
