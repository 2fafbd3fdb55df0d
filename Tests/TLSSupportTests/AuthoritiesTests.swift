import Foundation
import SwiftASN1
import TestSupport
import Testing
import X509

@testable import TLSSupport

/// What a client's certificate is worth under the authorities of one file. Where swift-certificates' own verifier can be
/// asked the same, it must agree.
@Suite struct AuthoritiesTests {
    private let folder: TemporaryFolder
    private let root: TestAuthority
    private let now = Int(Date.now.timeIntervalSince1970)

    init() throws {
        folder = try TemporaryFolder()
        root = try TestAuthority(folder)
    }

    private static let unknown = Certificate.Extension(oid: [1, 2, 3, 4], critical: true, value: [5, 0])
    private static let ignorable = Certificate.Extension(oid: [1, 2, 3, 4], critical: false, value: [5, 0])

    /// Both judgements of a client's certificate; they must be the same.
    private func judgement(
        _ pair: TestAuthority.Pair,
        _ authorities: TestAuthority...
    ) async throws -> Result<CertificateValidity, TLSRefusal> {
        let certificates = authorities.map(\.certificate)
        let ours = try Authorities(certificates).judge(pair.certificate, at: now)
        let roots = certificates.filter { $0.subject == $0.issuer }
        var verifier = Verifier(rootCertificates: CertificateStore(roots)) {
            RFC5280Policy()
            ForClients()
        }
        let theirs = await verifier.validate(leaf: pair.certificate, intermediates: CertificateStore(certificates))
        switch (ours, theirs) {
        case (.success, .validCertificate), (.failure, .couldNotValidate): break
        default: Issue.record("\(ours), but swift-certificates says \(theirs)")
        }
        return ours
    }

    private struct ForClients: VerifierPolicy {
        let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [.X509ExtensionID.extendedKeyUsage]

        func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) -> PolicyEvaluationResult {
            let usage = try? chain.leaf.extensions.extendedKeyUsage
            return usage?.contains(.clientAuth) ?? true ? .meetsPolicy : .failsToMeetPolicy(reason: "not for clients")
        }
    }

    @Test func whatAnAuthorityHasSignedForClientsIsGood() async throws {
        for purpose in [TestAuthority.Purpose.client, .unsaid] {
            let pair = try root.sign(["a thing's key"], purpose: purpose, validity: -60...60)
            let validity = CertificateValidity(pair.certificate)

            #expect(try await judgement(pair, root) == .success(validity))
        }
    }

    @Test func whatIsNotForClientsOrByNobodyKnownIsNotTrusted() async throws {
        let stranger = try TestAuthority(folder, name: "Stranger")
        let twin = try TestAuthority(folder)
        let untrusted = Result<CertificateValidity, TLSRefusal>.failure(.untrustedCertificate)

        #expect(try await judgement(root.sign(["a"], purpose: .server), root) == untrusted)
        #expect(try await judgement(root.sign(["a"], purpose: .any), root) == untrusted)
        #expect(try await judgement(stranger.sign(["a"]), root) == untrusted)
        #expect(try await judgement(twin.sign(["a"]), root) == untrusted)
        #expect(try await judgement(twin.sign(["a"]), root, twin) != untrusted)
    }

    @Test func datesAreJudgedFirst() async throws {
        let stranger = try TestAuthority(folder, name: "Stranger")

        for authority in [root, stranger] {
            let old = try authority.sign(["a"], validity: -60 ... -1)
            let early = try authority.sign(["a"], validity: 60...120)
            #expect(try await judgement(old, root) == .failure(.expiredCertificate))
            #expect(try await judgement(early, root) == .failure(.notYetValidCertificate))
        }
    }

    @Test func inItsLastSecondACertificateIsNoLongerGood() throws {
        let pair = try root.sign(["a"], validity: -60...60)
        let authorities = try Authorities([root.certificate])
        let (from, until) = (CertificateValidity(pair.certificate).from, CertificateValidity(pair.certificate).until)

        #expect(authorities.judge(pair.certificate, at: from - 1) == .failure(.notYetValidCertificate))
        #expect(authorities.judge(pair.certificate, at: from) != .failure(.notYetValidCertificate))
        #expect((try? authorities.judge(pair.certificate, at: until - 1).get()) != nil)
        #expect(authorities.judge(pair.certificate, at: until) == .failure(.expiredCertificate))
    }

    @Test func thoseBetweenItAndTheRootMustStandInTheFile() async throws {
        let middle = try root.authority("Middle", validity: -60...60)
        let lower = try middle.authority("Lower")
        let pair = try lower.sign(["a"])

        #expect(try await judgement(pair, root, middle, lower) == .success(CertificateValidity(middle.certificate)))
        #expect(try await judgement(pair, root, lower) == .failure(.untrustedCertificate))
        #expect(try await judgement(pair, root, middle) == .failure(.untrustedCertificate))
    }

    @Test func oneThatIsNoAuthorityHasNothingToSay() async throws {
        let thing = try root.authority("A thing", isAuthority: false)
        let old = try root.authority("Old", validity: -60 ... -1)
        let closed = try root.authority("Closed", maximumPathLength: 0)
        let below = try closed.authority("Below")

        #expect(try await judgement(thing.sign(["a"]), root, thing) == .failure(.untrustedCertificate))
        #expect(try await judgement(old.sign(["a"]), root, old) == .failure(.untrustedCertificate))
        #expect(try await judgement(below.sign(["a"]), root, closed, below) == .failure(.untrustedCertificate))
        #expect((try? await judgement(closed.sign(["a"]), root, closed).get()) != nil)
    }

    /// What swift-certificates leaves to others.
    @Test func whatAKeyIsNotMeantForItIsNotUsedFor() throws {
        let usage = try Certificate.Extension(ExtendedKeyUsage([.serverAuth]), critical: false)
        let servers = try root.authority("Servers", mark: [usage])
        let lists = try root.authority("Lists", maySign: false)
        let authorities = try Authorities([root, servers, lists].map(\.certificate))
        let encryption = try Certificate.Extension(KeyUsage(keyEncipherment: true), critical: true)
        let signature = try Certificate.Extension(KeyUsage(digitalSignature: true), critical: true)

        for pair in try [servers.sign(["a"]), lists.sign(["a"]), root.sign(["a"], mark: [encryption])] {
            #expect(authorities.judge(pair.certificate, at: now) == .failure(.untrustedCertificate))
        }
        #expect((try? authorities.judge(root.sign(["a"], mark: [signature]).certificate, at: now).get()) != nil)
    }

    @Test func whatMustBeUnderstoodAndIsNotIsNotTrusted() async throws {
        let odd = try root.sign(["a"], mark: [Self.unknown])

        #expect(try await judgement(odd, root) == .failure(.untrustedCertificate))
        #expect((try? await judgement(root.sign(["a"], mark: [Self.ignorable]), root).get()) != nil)
    }

    @Test func authoritiesThatCannotBeJudgedByAreRefused() throws {
        let constraints = try Certificate.Extension(
            NameConstraints(permittedSubtrees: [.dnsName("example.com")]),
            critical: false
        )
        let narrow = try root.authority("Narrow", mark: [constraints])
        let odd = try root.authority("Odd", mark: [Self.unknown])

        for each in [narrow, odd] {
            #expect(throws: AuthoritiesError.unknownExtensions) { try Authorities([root, each].map(\.certificate)) }
        }
        #expect(throws: AuthoritiesError.noRoot) { try Authorities([]) }
        #expect(throws: AuthoritiesError.noRoot) { try Authorities([try root.authority("Middle").certificate]) }
    }

    @Test func authoritiesThatSignForEachOtherLeadNowhere() async throws {
        var last = root
        var all = [root]
        for number in 0..<8 {
            last = try last.authority("Number \(number)")
            all.append(last)
        }
        let authorities = try Authorities(all.map(\.certificate) + all.map(\.certificate))

        #expect((try? authorities.judge(try all[4].sign(["a"]).certificate, at: now).get()) != nil)
        #expect(authorities.judge(try last.sign(["a"]).certificate, at: now) == .failure(.untrustedCertificate))
    }

    @Test func authoritiesThatHaveSomethingInCommonOverlap() throws {
        let middle = try root.authority("Middle")
        let other = try TestAuthority(folder, name: "Other")
        let own = try Authorities([root.certificate])
        let twin = try Authorities([TestAuthority(folder).certificate])

        #expect(own.overlaps(own))
        #expect(try own.overlaps(Authorities([other, middle].map(\.certificate))))
        #expect(try Authorities([other, middle].map(\.certificate)).overlaps(own))
        #expect(try !own.overlaps(Authorities([other.certificate])) && !own.overlaps(twin))
    }
}
