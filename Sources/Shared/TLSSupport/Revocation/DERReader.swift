/// Reads DER (X.690) one element after the other, without making anything of what it passes: a revocation list may hold a
/// million entries, of which a tree would take hundreds of megabytes.
struct DERReader {
    /// An element: its tag, and where its contents and the whole of it are.
    struct Element {
        let tag: UInt8
        let contents: Range<Int>
        let whole: Range<Int>
    }

    struct Malformed: Error {}

    let bytes: [UInt8]
    private(set) var position: Int
    private let end: Int

    init(_ bytes: [UInt8]) {
        self.init(bytes, in: 0..<bytes.count)
    }

    init(_ bytes: [UInt8], in range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { position == end }

    /// The tag of the next element; nil at the end.
    var tag: UInt8? { position < end ? bytes[position] : nil }

    /// The next element, whatever it is.
    mutating func next() throws(Malformed) -> Element {
        let start = position
        // Numbers of tags above 30 take more bytes; nothing here has such.
        guard let tag, tag & 0x1F != 0x1F, end - position >= 2 else { throw Malformed() }
        var length = Int(bytes[position + 1])
        position += 2
        if length >= 0x80 {
            // Definite, as short as can be, and no longer than a file may be.
            let octets = length - 0x80
            guard (1...4).contains(octets), end - position >= octets, bytes[position] != 0 else { throw Malformed() }
            length = bytes[position..<position + octets].reduce(0) { $0 << 8 | Int($1) }
            position += octets
            guard length >= 0x80 else { throw Malformed() }
        }
        guard length <= end - position else { throw Malformed() }
        let contents = position..<position + length
        position = contents.upperBound
        return Element(tag: tag, contents: contents, whole: start..<position)
    }

    /// The next element, which must be of this kind.
    mutating func next(_ tag: UInt8) throws(Malformed) -> Element {
        let element = try next()
        guard element.tag == tag else { throw Malformed() }
        return element
    }

    /// The next element, if it is of this kind.
    mutating func optional(_ tag: UInt8) throws(Malformed) -> Element? {
        self.tag == tag ? try next() : nil
    }

    /// What is in an element.
    func inside(_ element: Element) -> DERReader { DERReader(bytes, in: element.contents) }
}

extension UInt8 {
    static let derBoolean: UInt8 = 0x01
    static let derInteger: UInt8 = 0x02
    static let derBitString: UInt8 = 0x03
    static let derOctetString: UInt8 = 0x04
    static let derObjectIdentifier: UInt8 = 0x06
    static let derUTCTime: UInt8 = 0x17
    static let derGeneralizedTime: UInt8 = 0x18
    static let derSequence: UInt8 = 0x30
    static let derContext0: UInt8 = 0xA0
}

extension DERReader {
    /// An instant as RFC 5280 section 4.1.2.5 has it, in seconds since 1970: in UTC, with seconds, without fractions.
    mutating func time() throws(Malformed) -> Int {
        let element = try next()
        let digits = bytes[element.contents].dropLast().map { Int($0) - 0x30 }
        guard bytes[element.contents].last == UInt8(ascii: "Z"), digits.allSatisfy({ (0...9).contains($0) }) else {
            throw Malformed()
        }
        var pairs = stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] * 10 + digits[$0 + 1] }
        switch (element.tag, digits.count) {
        case (.derUTCTime, 12): pairs.insert(pairs[0] < 50 ? 20 : 19, at: 0)
        case (.derGeneralizedTime, 14): break
        default: throw Malformed()
        }
        let (year, month, day) = (pairs[0] * 100 + pairs[1], pairs[2], pairs[3])
        guard (1...12).contains(month), (1...31).contains(day), pairs[4] < 24, pairs[5] < 60, pairs[6] < 61 else {
            throw Malformed()
        }
        // Days since 1 March of the year 0, in which a leap day is the last of its year.
        let (shifted, sinceMarch) = (month > 2 ? year : year - 1, (month + 9) % 12)
        let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (sinceMarch * 153 + 2) / 5 + day - 1
        return (days - 719_468) * 86_400 + pairs[4] * 3_600 + pairs[5] * 60 + pairs[6]
    }
}
