import Foundation
import NIOSSL
import SwiftASN1
import TestSupport
import Testing
import X509

@testable import TLSSupport

/// Who is let in, and who may stay, where revocation lists are looked at.
@Suite struct RevocationTests {
    @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
    func whoIsOnTheListIsRefusedAndNobodyElse(version: TLSVersion) throws {
        let listed = try ListedPKI()
        let (bad, good) = try (listed.authority.sign(["bad"]), listed.authority.sign(["good"]))
        try listed.write(TestCRL([bad]))

        let refused = try listed.connect(bad, version)
        #expect(refused.refusals(.revokedCertificate) == 1 && refused.allRefusals == 1)
        #expect(refused.welcomes.isEmpty && refused.text.isEmpty && refused.isEnded)
        #expect(try listed.connect(good, version).text == "hello")
    }

    @Test func whoBecomesListedIsFoundByItsCertificate() throws {
        let listed = try ListedPKI()
        let (one, other) = try (listed.authority.sign(["one"]), listed.authority.sign(["other"]))
        let shown = try [one, other].map { try #require(try listed.connect($0).certificates.first ?? nil) }
        let (tls, before) = try (listed.tls(), listed.tls().generation)
        try listed.look()
        #expect(tls.generation == before && !shown.contains(where: tls.isRevoked))

        let changes = Changes()
        tls.live.onChange { changes.add() }
        try listed.write(TestCRL([other]))
        try listed.look()
        #expect(shown.map(tls.isRevoked) == [false, true])
        #expect(tls.generation != before && changes.count == 1 && listed.entries == 1)
        try listed.look()
        #expect(changes.count == 1)
    }

    @Test func whatIsWrongWithAListIsToldOnceAndNeitherOpensNorShutsTheListener() throws {
        let listed = try ListedPKI()
        let (bad, good) = try (listed.authority.sign(["bad"]), listed.authority.sign(["good"]))
        let stranger = try TestAuthority(listed.pki.folder, name: "Stranger")
        let namesake = try TestAuthority(listed.pki.folder)
        let list = TestCRL([good])
        func with(_ change: (inout TestCRL) -> Void) throws -> Data {
            var changed = list
            change(&changed)
            return Data(try listed.authority.crl(changed))
        }
        func marked(_ id: ASN1ObjectIdentifier, _ value: [UInt8] = [5, 0]) -> Certificate.Extension {
            .init(oid: id, critical: true, value: value[...])
        }
        let cases: [(RevocationProblem.Reason, Data)] = try [
            (.empty, Data()), (.empty, Data(" \n".utf8)), (.broken, Data("nonsense".utf8)),
            (.broken, Data(listed.authority.crl(list).dropLast())), (.broken, Data(listed.authority.crl(list) + [0])),
            (.broken, Data(listed.authority.crlText(list).dropLast(40).utf8)),
            (.foreign, Data(stranger.crl(list))), (.signature, Data(namesake.crl(list))),
            (.signature, with { $0.isSignatureGood = false }),
            (.notYetValid, with { $0.thisUpdate = 3_600 }), (.older, with { $0.thisUpdate = -7_200 }),
            (.unsupported, with { $0.version = 2 }),
            (.unsupported, with { $0.serials = [Array(repeating: 1, count: 25)] }),
            (.unsupported, with { $0.extensions = [marked([1, 2, 3])] }),
            (.unsupported, with { $0.extensions = [marked([2, 5, 29, 27], [2, 1, 1])] }),
            (.unsupported, with { $0.extensions = [marked([2, 5, 29, 28], [0x30, 3, 0x84, 1, 0xFF])] }),
            (.unsupported, with { $0.entryExtensions = [marked([2, 5, 29, 29])] }),
        ]
        try listed.write(TestCRL([bad]))
        try listed.look()
        #expect(listed.allProblems == 0)

        for (index, (reason, data)) in cases.enumerated() {
            let before = listed.problems(reason)
            try listed.write(data)
            for _ in 0..<3 { try listed.look() }
            #expect(listed.problems(reason) == before + 1, "\(index)")
            #expect(try !listed.isLetIn(bad) && listed.isLetIn(good), "\(index)")
            try listed.write(TestCRL([bad]))
            try listed.look()
        }
        #expect(listed.allProblems == Int64(cases.count))
        try FileManager.default.removeItem(atPath: listed.place)
        try listed.look()
        #expect(listed.problems(.unreadable) == 1)
        #expect(try !listed.isLetIn(bad) && listed.isLetIn(good))
    }

    @Test func aListThatCannotBeReadAtTheStartShutsNobodyOut() throws {
        let listed = try ListedPKI(nil)
        try listed.write(Data("nonsense".utf8))

        #expect(try listed.isLetIn(listed.authority.sign(["good"])))
        #expect(try listed.tls().warnings.contains { $0.contains(listed.place) })
        try listed.look()
        #expect(listed.problems(.broken) == 1)
    }

    @Test func aPlaceThatIsMissingAtTheStartIsAnError() throws {
        let listed = try ListedPKI(nil)

        #expect(throws: TLSFileError(.revocationLists, listed.place, "can't be read")) { try listed.tls() }
    }

    @Test func anExpiredListStillRefusesWhomItNames() throws {
        let listed = try ListedPKI()
        let (bad, good) = try (listed.authority.sign(["bad"]), listed.authority.sign(["good"]))
        try listed.write(TestCRL([bad]))
        let now = Int(Date.now.timeIntervalSince1970)
        try listed.look(at: now)
        #expect(listed.allProblems == 0)

        for _ in 0..<3 { try listed.look(at: now + 3_700) }
        #expect(listed.problems(.expired) == 1 && listed.allProblems == 1)
        let left = listed.metrics.measure("fluxgate_crl_seconds_until_next_update{listener=test}")
        #expect(left.map { (-110 ... -90).contains($0) } == true)
        #expect(try !listed.isLetIn(bad) && listed.isLetIn(good))
        try listed.look(at: now + 3_700, isAsked: true)
        #expect(listed.problems(.expired) == 2, "an operator who asks is answered")
    }

    @Test func aRevokedIntermediateRevokesWhatIsBelowIt() throws {
        let listed = try ListedPKI()
        let middle = try listed.authority.authority("Middle")
        let lower = try middle.authority("Lower")
        let path = "\(listed.pki.folder.path)/all"
        try [listed.authority, middle, lower].map { try String(contentsOfFile: $0.path, encoding: .utf8) + "\n" }
            .joined().write(toFile: path, atomically: true, encoding: .utf8)
        let tls = try listed.tls(authorities: path)
        let pair = try lower.sign(["below"], sending: [lower, middle])
        let shown = try #require(try listed.connect(pair).certificates.first ?? nil)
        #expect(!tls.isRevoked(shown))

        try listed.write(TestCRL(authorities: [middle]))
        try listed.look()
        #expect(tls.isRevoked(shown))
        #expect(try !listed.isLetIn(pair) && !listed.isLetIn(middle.sign(["between"])))
        #expect(try listed.isLetIn(listed.authority.sign(["beside"])))
    }

    @Test func anIntermediateThatOnlyTheClientKnowsIsNotTrusted() throws {
        let listed = try ListedPKI()
        let middle = try listed.authority.authority("Middle")

        #expect(try listed.connect(middle.sign(["below"], sending: [middle])).refusals(.untrustedCertificate) == 1)
    }

    @Test func theListsOfAFolderCountTogether() throws {
        let listed = try ListedPKI(nil)
        let middle = try listed.authority.authority("Middle")
        let path = "\(listed.pki.folder.path)/all"
        try [listed.authority, middle].map { try String(contentsOfFile: $0.path, encoding: .utf8) + "\n" }
            .joined().write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.createDirectory(atPath: listed.place, withIntermediateDirectories: true)
        let (one, other) = try (listed.authority.sign(["one"]), middle.sign(["other"]))
        _ = try listed.tls(authorities: path)
        try listed.look()
        #expect(listed.problems(.empty) == 1)

        try listed.write(Data(try listed.authority.crlText(TestCRL([one])).utf8), to: "root.pem")
        try listed.write(TestCRL([other]), by: middle, to: "middle.crl")
        try listed.look()
        #expect(listed.entries == 2)
        #expect(try !listed.isLetIn(one) && !listed.isLetIn(other) && listed.isLetIn(middle.sign(["good"])))

        try FileManager.default.removeItem(atPath: "\(listed.place)/root.pem")
        try listed.look()
        #expect(listed.entries == 1)
        #expect(try listed.isLetIn(one) && !listed.isLetIn(other))
        let both = try listed.authority.crlText(TestCRL([one])) + middle.crlText(TestCRL([other]))
        try listed.write(Data(both.utf8), to: "middle.crl")
        try listed.look()
        #expect(listed.entries == 2 && listed.allProblems == 1)
    }

    @Test func anAddressThatDoesNotAnswerLeavesWhatItSaidBefore() throws {
        let listed = try ListedPKI(nil, place: "http://lists.invalid/ca.crl?secret")
        let bad = try listed.authority.sign(["bad"])
        let live = try listed.tls().live
        #expect(try listed.isLetIn(bad))

        live.downloaded(try listed.authority.crl(TestCRL([bad])), metrics: listed.metrics)
        #expect(try !listed.isLetIn(bad) && listed.allProblems == 0 && listed.entries == 1)
        for _ in 0..<3 { live.downloaded(nil, metrics: listed.metrics) }
        #expect(try !listed.isLetIn(bad) && listed.problems(.unreachable) == 1)
        live.downloaded(Array("<html>".utf8), metrics: listed.metrics)
        #expect(try !listed.isLetIn(bad) && listed.problems(.broken) == 1)
        #expect(live.warnings.contains { $0.contains("http://lists.invalid/ca.crl ") && !$0.contains("secret") })
        live.downloaded(try listed.authority.crl(TestCRL()), metrics: listed.metrics)
        #expect(try listed.isLetIn(bad))
    }
}

private final class Changes: @unchecked Sendable {
    private(set) var count = 0

    func add() { count += 1 }
}
