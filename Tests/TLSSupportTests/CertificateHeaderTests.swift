import Foundation
import SwiftASN1
import TestSupport
import Testing
import X509

@testable import TLSSupport

/// The two headers in which a certificate is passed on.
@Suite struct CertificateHeaderTests {
    private let folder: TemporaryFolder
    private let authority: TestAuthority
    private let der: [UInt8]
    private let pem: String
    private let verifier: PassedOnVerifier

    init() throws {
        folder = try TemporaryFolder()
        authority = try TestAuthority(folder)
        let document = try authority.sign(["a thing's key"]).certificate.serializeAsPEM()
        der = document.derBytes
        pem = document.pemString + "\n"
        verifier = PassedOnVerifier(authorities: try Authorities([authority.certificate]), clock: { now() })
    }

    private var base64: String { Data(der).base64EncodedString() }

    /// As nginx writes it.
    private func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            let character = Character(UnicodeScalar(byte))
            return character.isLetter || character.isNumber || "-_.~".contains(character)
                ? String(character) : "%" + String(byte, radix: 16, uppercase: true).leftPadded
        }.joined()
    }

    private func verify(_ header: CertificateHeader) throws(PassedOnRefusal) -> PassedOnCertificate {
        try verifier.verify(header)
    }

    @Test func bothFormsHoldTheCertificate() throws {
        for header in [CertificateHeader.clientCert(":\(base64):"), .escapedPEM(escaped(pem))] {
            #expect(header.certificate == der)
            #expect(try verify(header).name == .one("a thing's key"))
        }
        #expect(CertificateHeader.escapedPEM(escaped(String(pem.dropLast()))).certificate == der)
    }

    @Test func nothingMayStandBesideIt() {
        let twice = pem + pem
        let before = "Subject: a\n" + pem
        let forms = [
            "", ":", "::", base64, ":\(base64)", "\(base64):", " :\(base64):", ":\(base64): ", ":\(base64):;a=1",
            ":\(base64):, :\(base64):", ":\(base64)=:", ": \(base64):", ":\(base64.dropLast()):", "\"\(base64)\"",
        ]
        for text in forms { #expect(CertificateHeader.clientCert(text).certificate == nil, "\(text)") }
        let lines = pem.split(separator: "\n")
        let odd = [
            "", twice, before, pem + "x", pem + "\n", pem.replacing("\n", with: "\r\n"), pem.replacing("\n", with: ""),
            pem.replacing("CERTIFICATE", with: "TRUSTED CERTIFICATE"), lines[0] + "\n" + lines[lines.count - 1],
            lines[0] + "\n" + base64 + "\n" + lines[lines.count - 1], pem.replacing("-----END", with: "\n-----END"),
        ]
        for text in odd { #expect(CertificateHeader.escapedPEM(escaped(text)).certificate == nil, "\(text)") }
        for text in [pem, escaped(pem) + "%", escaped(pem) + "%4", escaped(pem) + "%FF", "%00" + escaped(pem)] {
            #expect(CertificateHeader.escapedPEM(text).certificate == (text == pem ? der : nil))
        }
    }

    @Test func whatIsTooLargeIsNotLookedAt() {
        let large = Data(repeating: 7, count: CertificateHeader.maximumSize + 3).base64EncodedString()
        let fits = Data(repeating: 7, count: CertificateHeader.maximumSize).base64EncodedString()

        #expect(CertificateHeader.clientCert(":\(large):").certificate == nil)
        #expect(CertificateHeader.clientCert(":\(fits):").certificate?.count == CertificateHeader.maximumSize)
        #expect(throws: PassedOnRefusal.refused(.untrustedCertificate)) { try verify(.clientCert(":\(fits):")) }
    }

    @Test func bytesBehindTheCertificateMakeItNone() {
        for more in [[0], [0x30, 0], der] {
            let text = Data(der + more).base64EncodedString()
            #expect(throws: PassedOnRefusal.refused(.untrustedCertificate)) { try verify(.clientCert(":\(text):")) }
        }
    }

    @Test func noTruncationIsACertificate() throws {
        let (whole, url) = (":\(base64):", escaped(pem))
        for length in 0..<whole.utf8.count {
            #expect(throws: PassedOnRefusal.self) { try verify(.clientCert(String(whole.prefix(length)))) }
        }
        // Without its last line feed it is whole.
        for length in 0..<url.utf8.count - "%0A".utf8.count {
            #expect(throws: PassedOnRefusal.self) { try verify(.escapedPEM(String(url.prefix(length)))) }
        }
        for length in 0..<der.count {
            let text = Data(der.prefix(length)).base64EncodedString()
            #expect(throws: PassedOnRefusal.self) { try verify(.clientCert(":\(text):")) }
        }
    }

    @Test(arguments: ["60", "61", "62", "99", "6a"])
    func aSecondThatIsNotThereMakesItNone(second: String) throws {
        // UTCTime: its tag, its length, YYMMDDhhmmssZ.
        let times = der.indices.dropLast(15).filter { der[$0] == 23 && der[$0 + 1] == 13 && der[$0 + 14] == 90 }
        #expect(times.count == 2)
        for time in times {
            var bytes = der
            bytes.replaceSubrange(time + 12..<time + 14, with: second.utf8)
            let text = Data(bytes).base64EncodedString()
            #expect(throws: PassedOnRefusal.refused(.untrustedCertificate)) { try verify(.clientCert(":\(text):")) }
        }
    }

    /// A signature covers everything but itself and what stands around it.
    @Test func noMutationIsAnotherCertificate() throws {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<2_000 {
            var bytes = der
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] ^= UInt8(
                    1 << Int.random(in: 0..<8, using: &random)
                )
            }
            let text = Data(bytes).base64EncodedString()
            guard let found = try? verify(.clientCert(":\(text):")) else { continue }
            #expect(try found == verify(.clientCert(":\(base64):")))
            // The outer sequence has a header of four bytes, and so has what is signed.
            let signed = 0..<8 + (Int(der[6]) << 8 | Int(der[7]))
            #expect(bytes[signed] == der[signed])
        }
    }

    @Test func noiseIsNoCertificate() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...400, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let base64 = Data(bytes).base64EncodedString()
            let pem = "-----BEGIN CERTIFICATE-----\n\(base64.prefix(64))\n-----END CERTIFICATE-----\n"
            let headers: [CertificateHeader] = [
                .clientCert(String(decoding: bytes, as: UTF8.self)),
                .escapedPEM(String(decoding: bytes, as: UTF8.self)),
                .clientCert(":\(base64):"), .escapedPEM(escaped(pem)),
            ]
            for header in headers { #expect(throws: PassedOnRefusal.self) { try verify(header) } }
        }
    }
}

private func now() -> Int { Int(Date.now.timeIntervalSince1970) }

extension String {
    fileprivate var leftPadded: String { utf8.count < 2 ? "0" + self : self }
}
