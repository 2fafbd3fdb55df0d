internal import CLibPQ
internal import Model
internal import SQL

/// The values of a statement's parameters as libpq takes them: texts as text, which a column of either type reads; all else
/// in PostgreSQL's binary form.
struct PostgresValues {
    private var bytes: [UInt8] = []
    /// Where each value begins; nil: NULL.
    private var starts: [Int?] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    /// Throws ``SQLError`` if a text has a U+0000, which PostgreSQL can't hold.
    init(_ values: [SQLValue]) throws(SQLError) {
        starts.reserveCapacity(values.count)
        lengths.reserveCapacity(values.count)
        formats.reserveCapacity(values.count)
        for value in values { try append(value) }
    }

    private mutating func append(_ value: SQLValue) throws(SQLError) {
        let start = bytes.count
        switch value {
        case .null: break
        case .integer(let number): append(UInt64(bitPattern: number))
        case .blob(let blob): bytes += blob
        case .id(let id):
            append(id.high)
            append(id.low)
        case .text(let text), .json(let text):
            bytes += text.utf8
            guard !bytes[start...].contains(0) else { throw SQLError(.failed, "a text with U+0000") }
        }
        starts.append(value == .null ? nil : start)
        lengths.append(Int32(clamping: bytes.count - start))
        formats.append(value.isText ? 0 : 1)
        // The end of a C string, and so an empty value has an address too.
        bytes.append(0)
    }

    private mutating func append(_ word: UInt64) {
        withUnsafeBytes(of: word.bigEndian) { bytes += $0 }
    }

    var count: Int32 { Int32(clamping: starts.count) }

    /// Calls the body with pointers to the values, their lengths and their formats.
    func withPointers<Value>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Value
    ) -> Value {
        bytes.withUnsafeBytes { bytes in
            let base = bytes.assumingMemoryBound(to: CChar.self).baseAddress
            let pointers = starts.map { start in start.flatMap { base?.advanced(by: $0) } }
            return body(pointers, lengths, formats)
        }
    }
}

extension SQLValue {
    fileprivate var isText: Bool {
        switch self {
        case .text, .json: true
        case .null, .integer, .blob, .id: false
        }
    }
}
