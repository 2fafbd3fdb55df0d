import Foundation
import SwiftASN1
import TestSupport
import Testing
import X509

@testable import TLSSupport

@Suite struct RevocationListTests {
    private let folder: TemporaryFolder
    private let authority: TestAuthority

    init() throws {
        folder = try TemporaryFolder()
        authority = try TestAuthority(folder)
    }

    @Test func whatIsOnALongListIsFoundAndNothingElse() throws {
        var generator = SeededGenerator(seed: 1)
        var serials: Set<[UInt8]> = [[1], [0x7F], [0, 0x80], [0, 0xFF, 0xFF]]
        while serials.count < 20_000 {
            let count = Int.random(in: 1...20, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 1...0x7F, using: &generator) }
            serials.insert(bytes)
        }
        var list = TestCRL()
        list.serials = Array(serials)
        let read = try RevocationList(der: authority.crl(list))

        #expect(read.count == serials.count && read.isSigned(by: authority.certificate))
        #expect(serials.allSatisfy { read.contains(SerialNumber($0)!) })
        for _ in 0..<20_000 {
            let count = Int.random(in: 1...20, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 1...0x7F, using: &generator) }
            #expect(read.contains(SerialNumber(bytes)!) == serials.contains(bytes))
        }
    }

    @Test func serialNumbersAreInTheOrderOfTheirValues() throws {
        let ordered: [[UInt8]] = [
            [0], [1], [0, 0x80], [1, 0], Array(repeating: 1, count: 8), [1] + Array(repeating: 0, count: 8),
            Array(repeating: 1, count: 16), [1] + Array(repeating: 0, count: 16), Array(repeating: 0xFF, count: 24),
        ]
        let numbers = ordered.map { SerialNumber($0)! }

        #expect(numbers == numbers.shuffled().sorted() && Set(numbers).count == ordered.count)
        #expect(SerialNumber([0, 0, 1]) == SerialNumber([1]) && SerialNumber(Array(repeating: 1, count: 25)) == nil)
    }

    @Test func aListOfTheFirstVersionAndOneWithoutANextUpdateAreTaken() throws {
        var list = TestCRL()
        (list.version, list.nextUpdate) = (nil, nil)

        let read = try RevocationList(der: authority.crl(list))
        #expect(read.isSigned(by: authority.certificate) && read.nextUpdate == nil)
    }

    @Test(arguments: [
        ("700101000000Z", 0), ("991231235959Z", 946_684_799), ("000229120000Z", 951_825_600),
        ("491231235959Z", 2_524_607_999),
        ("500101000000Z", -631_152_000), ("20000301000000Z", 951_868_800), ("20380119031408Z", 2_147_483_648),
        ("99991231235959Z", 253_402_300_799),
    ])
    func timesAreRead(text: String, seconds: Int) throws {
        var reader = DERReader([text.count == 13 ? 0x17 : 0x18, UInt8(text.count)] + Array(text.utf8))

        #expect(try reader.time() == seconds)
    }

    @Test(arguments: [
        "", "Z", "7001010000Z", "700101000000", "700001000000Z", "701301000000Z", "700132000000Z", "700101240000Z",
        "700101006000Z", "70010100000aZ", "700101000000+0000", "700101000000.5Z",
    ])
    func whatIsNoTimeIsRefused(text: String) {
        for tag in [UInt8(0x17), 0x18, 0x04] {
            var reader = DERReader([tag, UInt8(text.utf8.count)] + Array(text.utf8))
            #expect(throws: DERReader.Malformed.self) { try reader.time() }
        }
    }

    /// Whatever stands in a file, it is a list of this authority or it isn't one.
    @Test func aMutatedListIsRefusedOrHasALostSignature() throws {
        var list = TestCRL([try authority.sign(["a"]), try authority.sign(["b"])])
        list.extensions = [.init(oid: [2, 5, 29, 28], critical: true, value: [0x30, 3, 0x81, 1, 0xFF])]
        list.entryExtensions = [.init(oid: [2, 5, 29, 21], critical: false, value: [0x0A, 1, 1])]
        let bytes = try authority.crl(list)
        #expect(try RevocationList(der: bytes).isSigned(by: authority.certificate))
        for length in 0..<bytes.count {
            #expect(throws: RevocationProblem.Reason.self) { try RevocationList(der: Array(bytes[..<length])) }
        }
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<5_000 {
            var mutant = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                mutant[Int.random(in: 0..<mutant.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            guard mutant != bytes, let read = try? RevocationList(der: mutant) else { continue }
            #expect(!read.isSigned(by: authority.certificate))
        }
        for _ in 0..<5_000 {
            let count = Int.random(in: 0...200, using: &generator)
            let random = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = RevocationSource.read(random, from: "random")
        }
    }
}
