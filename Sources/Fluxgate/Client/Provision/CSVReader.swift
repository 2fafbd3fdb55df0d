package import NIOCore

/// Reads the records of a CSV file (RFC 4180), one at a time.
///
/// Lines may end in CRLF or LF, a byte order mark is skipped, and so are lines without anything in them.
package struct CSVReader: Sendable {
    package struct Record: Sendable, Equatable {
        /// The line on which it begins, from 1.
        package let line: Int
        package let fields: [String]

        package init(line: Int, fields: [String]) {
            self.line = line
            self.fields = fields
        }
    }

    private static let quote = UInt8(ascii: "\"")
    private static let comma = UInt8(ascii: ",")
    private static let carriageReturn = UInt8(ascii: "\r")
    private static let lineFeed = UInt8(ascii: "\n")

    private var bytes: ByteBufferView
    private var line = 1

    package init(_ file: ByteBuffer) {
        bytes = file.readableBytesView
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    }

    /// The next record, nil at the end of the file.
    package mutating func next() throws(ProvisionFileError) -> Record? {
        while !bytes.isEmpty {
            let record = try record()
            if record.fields != [""] { return record }
        }
        return nil
    }

    private mutating func record() throws(ProvisionFileError) -> Record {
        let start = line
        var fields: [String] = []
        while true {
            fields.append(bytes.first == Self.quote ? try quotedField() : try plainField())
            guard bytes.first == Self.comma else { break }
            bytes = bytes.dropFirst()
        }
        try endLine()
        return Record(line: start, fields: fields)
    }

    private mutating func plainField() throws(ProvisionFileError) -> String {
        let field = bytes.prefix { $0 != Self.comma && $0 != Self.lineFeed && $0 != Self.carriageReturn }
        guard !field.contains(Self.quote) else {
            throw ProvisionFileError("line \(line)", "a quotation mark stands in a field that doesn't begin with one")
        }
        bytes = bytes.dropFirst(field.count)
        return try text(field)
    }

    private mutating func quotedField() throws(ProvisionFileError) -> String {
        let start = line
        var field: [UInt8] = []
        bytes = bytes.dropFirst()
        while true {
            let part = bytes.prefix { $0 != Self.quote }
            field += part
            line += part.count { $0 == Self.lineFeed }
            bytes = bytes.dropFirst(part.count)
            guard bytes.popFirst() == Self.quote else {
                throw ProvisionFileError("line \(start)", "a quotation mark is never closed")
            }
            guard bytes.first == Self.quote else { break }
            field.append(Self.quote)
            bytes = bytes.dropFirst()
        }
        guard let next = bytes.first else { return try text(field) }
        guard next == Self.comma || next == Self.lineFeed || next == Self.carriageReturn else {
            throw ProvisionFileError("line \(line)", "something stands between a closing quotation mark and the comma")
        }
        return try text(field)
    }

    private mutating func endLine() throws(ProvisionFileError) {
        if bytes.first == Self.carriageReturn {
            bytes = bytes.dropFirst()
            guard bytes.isEmpty || bytes.first == Self.lineFeed else {
                throw ProvisionFileError("line \(line)", "a carriage return stands within the line")
            }
        }
        if bytes.popFirst() != nil { line += 1 }
    }

    private func text(_ field: some Collection<UInt8>) throws(ProvisionFileError) -> String {
        guard let text = String(validating: field, as: UTF8.self) else {
            throw ProvisionFileError("line \(line)", "it is no UTF-8")
        }
        return text
    }
}
