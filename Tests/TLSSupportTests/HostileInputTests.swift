import NIOCore
import NIOEmbedded
import NIOSSL
import SwiftASN1
import TestSupport
import Testing
import X509

@testable import TLSSupport

@Suite struct HostileInputTests {
    private let pki: TestPKI

    init() throws { pki = try TestPKI() }

    /// What a client sends first.
    private func clientHello() throws -> [UInt8] {
        let pipe = try pki.pipe(pki.authority.sign(["a thing's key"]))
        pipe.loop.run()
        let hello = try #require(try pipe.client.readOutbound(as: ByteBuffer.self))
        return Array(hello.readableBytesView)
    }

    /// Feeds bytes as a client's first, and sees that nothing comes through and one refusal at most is counted.
    private func expectNothing(from bytes: [UInt8], by tls: ServerTLS) throws {
        let pipe = try TLSPipe(tls)
        pipe.receive(ByteBuffer(bytes: bytes))
        try pipe.run()
        pipe.loop.advanceTime(by: .seconds(12))

        #expect(pipe.welcomes.isEmpty && pipe.text.isEmpty && pipe.allRefusals == 1 && !pipe.server.isActive)
    }

    @Test func everyTruncationOfAHelloWaitsAndIsEnded() throws {
        let (hello, tls) = (try clientHello(), try pki.tls())
        for length in stride(from: 0, to: hello.count, by: 7) {
            try expectNothing(from: Array(hello[..<length]), by: tls)
        }
    }

    @Test func aMutatedHelloIsRefusedOrWaitedFor() throws {
        let (hello, tls) = (try clientHello(), try pki.tls())
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<300 {
            var mutant = hello
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                mutant[Int.random(in: 0..<mutant.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            try expectNothing(from: mutant, by: tls)
        }
    }

    @Test func randomBytesAreRefused() throws {
        let tls = try pki.tls()
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<300 {
            let count = Int.random(in: 1...600, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            try expectNothing(from: bytes, by: tls)
        }
    }

    @Test func aMutatedCertificateNamesNobodyOrSomebodyButNeverTraps() throws {
        var coder = DER.Serializer()
        try coder.serialize(try pki.authority.sign(["a thing's key"]).certificate)
        let certificate = coder.serializedBytes
        #expect(TLSSupport.CommonName(certificate: certificate) == .one("a thing's key"))
        var generator = SeededGenerator(seed: 5)
        var unreadable = 0
        for round in 0..<5_000 {
            var mutant = certificate
            if round % 3 == 0 { mutant.removeLast(Int.random(in: 1..<mutant.count, using: &generator)) }
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                mutant[Int.random(in: 0..<mutant.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            if TLSSupport.CommonName(certificate: mutant) == .unreadable { unreadable += 1 }
        }

        #expect(unreadable > 1_000)
    }
}
