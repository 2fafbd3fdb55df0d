/// Where a statement has its parameters.
package enum SQLParameters {
    /// Calls the body for each `$` before a number, but not within quotes.
    ///
    /// - Parameter body: takes where the `$` is, in UTF-8, and the number, read up to a hundred thousand or so.
    package static func forEach(in sql: String, _ body: (_ offset: Int, _ number: Int) -> Void) {
        var isQuoted = false
        var dollar: Int?
        var number: Int?
        for (offset, byte) in sql.utf8.enumerated() {
            if dollar != nil, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), number ?? 0 < 100_000 {
                number = (number ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
                continue
            }
            if let dollar, let number { body(dollar, number) }
            if byte == UInt8(ascii: "'") { isQuoted.toggle() }
            dollar = byte == UInt8(ascii: "$") && !isQuoted ? offset : nil
            number = nil
        }
        if let dollar, let number { body(dollar, number) }
    }

    /// The highest number; 0 if there is none.
    package static func highest(in sql: String) -> Int {
        var highest = 0
        forEach(in: sql) { _, number in highest = max(highest, number) }
        return highest
    }
}
