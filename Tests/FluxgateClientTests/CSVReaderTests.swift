import FluxgateClient
import NIOCore
import Testing

@Suite struct CSVReaderTests {
    private func records(_ text: String) throws -> [[String]] {
        var reader = CSVReader(ByteBuffer(string: text))
        var records: [[String]] = []
        while let record = try reader.next() { records.append(record.fields) }
        return records
    }

    @Test(arguments: ["a,b\nc,d\n", "a,b\r\nc,d\r\n", "a,b\nc,d", "\u{FEFF}a,b\n\n\r\nc,d"])
    func readsLinesHoweverTheyEnd(_ text: String) throws {
        #expect(try records(text) == [["a", "b"], ["c", "d"]])
    }

    @Test func quotedFieldsHoldCommasQuotesAndLineBreaks() throws {
        #expect(try records("\"a,\"\"b\"\"\",\"c\r\nd\"\n") == [["a,\"b\"", "c\r\nd"]])
    }

    @Test func keepsEmptyFieldsAndBlanks() throws {
        #expect(try records(",\"\", x \n") == [["", "", " x "]])
    }

    @Test func knowsTheLineOfARecordAfterOneWithLineBreaks() throws {
        var reader = CSVReader(ByteBuffer(string: "\"a\nb\nc\",1\nd,2"))

        #expect(try reader.next()?.line == 1)
        #expect(try reader.next() == CSVReader.Record(line: 4, fields: ["d", "2"]))
        #expect(try reader.next() == nil)
    }

    @Test(arguments: [
        ("a,b\nc\"d,e\n", "line 2"), ("a\n\"b\nc", "line 2"), ("\"a\"b,c", "line 1"), ("a\rb", "line 1"),
    ])
    func refusesWhatIsNoCSV(_ text: String, place: String) {
        #expect { try records(text) } throws: { ($0 as? ProvisionFileError)?.place == place }
    }

    @Test func refusesBytesThatAreNoUTF8() {
        var reader = CSVReader(ByteBuffer(bytes: [0x61, 0x0A, 0xFF, 0x0A]))

        #expect(throws: Never.self) { try reader.next() }
        #expect(throws: ProvisionFileError("line 2", "it is no UTF-8")) { try reader.next() }
    }

    @Test func readsEveryTruncationWithoutTrapping() throws {
        let bytes = Array("\u{FEFF}a,\"b\"\"\r\n\",c\r\nd,\"é\",f\r\n".utf8)

        for length in 0...bytes.count {
            var reader = CSVReader(ByteBuffer(bytes: bytes.prefix(length)))
            var records = 0
            while (try? reader.next()) != nil, records <= 2 { records += 1 }
            #expect(records <= 2)
        }
    }
}
