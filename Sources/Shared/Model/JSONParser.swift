/// What is wrong with a JSON text, and at which byte.
package enum JSONError: Error, Equatable, CustomStringConvertible {
    case endsTooEarly
    case unexpectedByte(at: Int)
    case trailingBytes(at: Int)
    case tooDeep(at: Int)
    case invalidText(at: Int)
    case zeroCharacter(at: Int)
    case numberOutOfRange(at: Int)

    package var description: String {
        switch self {
        case .endsTooEarly: "the JSON text ends too early"
        case .unexpectedByte(let position): "no valid JSON at byte \(position)"
        case .trailingBytes(let position): "more than one JSON value, the second at byte \(position)"
        case .tooDeep(let position): "nested too deeply at byte \(position)"
        case .invalidText(let position): "no valid text at byte \(position)"
        case .zeroCharacter(let position): "U+0000 at byte \(position)"
        case .numberOutOfRange(let position): "number out of range at byte \(position)"
        }
    }
}

/// Reads one JSON value (RFC 8259) from untrusted bytes.
///
/// Nothing may follow the value; nesting is bounded, because values are walked recursively; U+0000 is refused, because
/// PostgreSQL can't keep it. The last of several members with one name counts.
package struct JSONParser: ~Copyable {
    package static let maximumDepth = 64

    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes)
        let value = try parser.value()
        parser.skipBlanks()
        guard parser.position == bytes.count else { throw .trailingBytes(at: parser.position) }
        return value
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        skipBlanks()
        switch try current() {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return try number()
        }
    }

    // MARK: Containers

    private mutating func object() throws(JSONError) -> JSONValue {
        try descend()
        var members: JSONObject = [:]
        if try closes(with: UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipBlanks()
            guard try current() == UInt8(ascii: "\"") else { throw .unexpectedByte(at: position) }
            let name = try string()
            skipBlanks()
            try expect(UInt8(ascii: ":"))
            members[name] = try value()
            if try closes(with: UInt8(ascii: "}")) { return .object(members) }
            try expect(UInt8(ascii: ","))
        }
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        try descend()
        var elements: [JSONValue] = []
        if try closes(with: UInt8(ascii: "]")) { return .array(elements) }
        while true {
            elements.append(try value())
            if try closes(with: UInt8(ascii: "]")) { return .array(elements) }
            try expect(UInt8(ascii: ","))
        }
    }

    /// Steps over the opening bracket.
    private mutating func descend() throws(JSONError) {
        guard depth < Self.maximumDepth else { throw .tooDeep(at: position) }
        depth += 1
        position += 1
    }

    /// Steps over the closing bracket if it comes next.
    private mutating func closes(with bracket: UInt8) throws(JSONError) -> Bool {
        skipBlanks()
        guard try current() == bracket else { return false }
        position += 1
        depth -= 1
        return true
    }

    // MARK: Scalars

    private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let length = word.utf8CodeUnitCount
        for offset in 0..<length {
            guard position + offset < bytes.count else { throw .endsTooEarly }
            guard bytes[position + offset] == word.utf8Start[offset] else {
                throw .unexpectedByte(at: position + offset)
            }
        }
        position += length
        return value
    }

    /// `-`? integer fraction? exponent? (RFC 8259 section 6).
    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        if peek() == UInt8(ascii: "-") { position += 1 }
        if peek() == UInt8(ascii: "0") { position += 1 } else { try digits() }
        var isWhole = true
        if peek() == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            try digits()
        }
        if let byte = peek(), byte | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            position += 1
            if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let number = Int64(text) { return .integer(number) }
        guard let number = Double(text), number.isFinite else { throw .numberOutOfRange(at: start) }
        return .double(number)
    }

    private mutating func digits() throws(JSONError) {
        let start = position
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > start else {
            throw position < bytes.count ? .unexpectedByte(at: position) : .endsTooEarly
        }
    }

    // MARK: Bytes

    private func peek() -> UInt8? {
        position < bytes.count ? bytes[position] : nil
    }

    private func current() throws(JSONError) -> UInt8 {
        guard position < bytes.count else { throw .endsTooEarly }
        return bytes[position]
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard try current() == byte else { throw .unexpectedByte(at: position) }
        position += 1
    }

    private mutating func skipBlanks() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }
}

// MARK: Strings

extension JSONParser {
    /// Reads a string, from its opening to its closing quote.
    private mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        while true {
            switch try current() {
            case UInt8(ascii: "\""):
                let text = try text(bytes[start..<position], at: start)
                position += 1
                return text
            case UInt8(ascii: "\\"):
                return try stringWithEscapes(from: start)
            case 0..<0x20:
                throw .unexpectedByte(at: position)
            default:
                position += 1
            }
        }
    }

    private mutating func stringWithEscapes(from start: Int) throws(JSONError) -> String {
        var unescaped = Array(bytes[start..<position])
        while true {
            let byte = try current()
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return try text(unescaped[...], at: start)
            case UInt8(ascii: "\\"):
                position += 1
                unescaped.append(contentsOf: try escape())
            case 0..<0x20:
                throw .unexpectedByte(at: position)
            default:
                unescaped.append(byte)
                position += 1
            }
        }
    }

    private func text(_ bytes: ArraySlice<UInt8>, at start: Int) throws(JSONError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidText(at: start) }
        return text
    }

    /// Reads what follows a backslash.
    private mutating func escape() throws(JSONError) -> [UInt8] {
        let byte = try current()
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(try escapedCharacter()).utf8)
        default: throw .unexpectedByte(at: position - 1)
        }
    }

    /// Reads four hexadecimal digits, and the second half of a surrogate pair behind the first.
    private mutating func escapedCharacter() throws(JSONError) -> Character {
        let start = position
        let unit = try fourHexDigits()
        var scalar = UInt32(unit)
        if (0xD800...0xDBFF).contains(unit) {
            guard peek() == UInt8(ascii: "\\") else { throw .invalidText(at: start) }
            position += 1
            guard peek() == UInt8(ascii: "u") else { throw .invalidText(at: start) }
            position += 1
            let low = try fourHexDigits()
            guard (0xDC00...0xDFFF).contains(low) else { throw .invalidText(at: start) }
            scalar = 0x1_0000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
        }
        guard scalar != 0 else { throw .zeroCharacter(at: start) }
        guard let character = Unicode.Scalar(scalar) else { throw .invalidText(at: start) }
        return Character(character)
    }

    private mutating func fourHexDigits() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(try current())).hexDigitValue, digit < 16 else {
                throw .unexpectedByte(at: position)
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }
}
