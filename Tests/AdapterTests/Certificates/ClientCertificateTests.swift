import AdaptersCore
import Model
import TLSSupport
import TestSupport
import Testing

@testable import AdapterTransport

/// The rule: a certificate's common name is the key, and whatever else is shown must be the same.
@Suite struct ClientCertificateTests {
    private static let key = ThingKey.random()
    private let key = Self.key

    @Test func withoutCertificatesTheFirstKeyShownCounts() {
        let other = ThingKey.random()

        #expect(ClientCertificate.notAsked.key(besides: [.key(key), .key(other)]) == .success(key))
        #expect(ClientCertificate.notAsked.key(besides: [.none, .key(key)]) == .success(key))
        #expect(ClientCertificate.notAsked.key(besides: [.none, .none]) == .failure(.missingKey))
        #expect(ClientCertificate.notAsked.key(besides: [.unreadable, .key(key)]) == .failure(.notAuthorized))
    }

    @Test(arguments: [
        ([ShownKey.none], true), ([.key(Self.key)], true), ([.none, .key(Self.key)], true),
        ([.key(Self.key), .key(Self.key)], true), ([.key(.random())], false), ([.unreadable], false),
        ([.key(Self.key), .key(.random())], false), ([.key(Self.key), .unreadable], false),
    ])
    func besideACertificateEveryKeyShownIsItsOwn(shown: [ShownKey], isGood: Bool) {
        let certificate = ClientCertificate.key(key)
        #expect(certificate.key(besides: shown) == (isGood ? .success(key) : .failure(.keyMismatch)))
    }

    @Test func aCertificateThatNamesNobodyIsNotMadeGoodByAKey() {
        let certificate = ClientCertificate.unusable(.noCommonName)

        #expect(certificate.key(besides: [.none]) == .failure(.noCommonName))
        #expect(certificate.key(besides: [.key(key)]) == .failure(.noCommonName))
    }

    @Test(arguments: [
        (CommonName.none, ClientCertificate.unusable(.noCommonName)), (.several, .unusable(.severalCommonNames)),
        (.unreadable, .unusable(.unknownKey)),
        (.one("short"), .unusable(.unknownKey)), (.one("with a blank"), .unusable(.unknownKey)),
        (.one(""), .unusable(.unknownKey)),
    ])
    func whatTLSReadIsJudged(name: CommonName, certificate: ClientCertificate) {
        #expect(ClientCertificate(name) == certificate)
    }

    @Test func aNameIsTheKeyByteForByte() throws {
        #expect(ClientCertificate(.one("a,b=c+d\"e")) == .key(try #require(ThingKey("a,b=c+d\"e"))))
    }
}
