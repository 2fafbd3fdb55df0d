internal import Crypto
internal import SwiftASN1
internal import X509

/// What is wrong with a revocation list, or with where it should be.
struct RevocationProblem: Sendable, Hashable {
    /// The `reason` label of `fluxgate_crl_problems_total`.
    enum Reason: String, Error, Sendable, CaseIterable {
        /// The file or folder isn't there, or may not be read.
        case unreadable
        /// Its address doesn't answer as it should.
        case unreachable
        /// There is nothing in it.
        case empty
        case tooLarge = "too_large"
        /// No list, or a damaged one.
        case broken
        /// A delta, an indirect list, or one that demands what isn't understood here.
        case unsupported
        /// Of an issuer that isn't among the authorities.
        case foreign
        /// Its issuer hasn't signed it, or may not sign lists.
        case signature
        /// Its time has not come.
        case notYetValid = "not_yet_valid"
        /// One that came later is known.
        case older
        /// There should have been another one since.
        case expired
    }

    let reason: Reason
    /// The file, or the address.
    let place: String
}

/// The revocation lists of one listener that are good, by the authorities that have signed them. It never changes.
final class RevocationLists: Sendable {
    /// One part of what an authority says: with another key or for other certificates it is another one.
    private struct Part: Hashable {
        let issuer: DistinguishedName
        let key: Certificate.PublicKey
        let scope: [UInt8]
    }

    private let parts: [Part: (list: RevocationList, place: String)]
    private let byIssuer: [DistinguishedName: [RevocationList]]
    /// What was wrong when they were read.
    let problems: Set<RevocationProblem>

    /// None at all.
    static let none = RevocationLists([:], [])

    private init(_ parts: [Part: (list: RevocationList, place: String)], _ problems: Set<RevocationProblem>) {
        self.parts = parts
        self.problems = problems
        byIssuer = Dictionary(grouping: parts.values.map(\.list), by: \.issuer)
    }

    /// Takes what is good of what was found, and of what was good before whatever it isn't certain that it has been replaced:
    /// the newer of two, and everything as long as something can't be used.
    ///
    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - before: only lists that one of these authorities has signed stay.
    init(
        _ found: [(place: String, list: RevocationList)],
        problems: Set<RevocationProblem>,
        authorities: [Certificate],
        before: RevocationLists,
        at now: Int
    ) {
        var (parts, problems) = ([Part: (list: RevocationList, place: String)](), problems)
        for (place, list) in found {
            let named = authorities.filter { $0.subject == list.issuer }
            guard let signer = named.first(where: list.isSigned) else {
                problems.insert(.init(reason: named.isEmpty ? .foreign : .signature, place: place))
                continue
            }
            // Clocks differ.
            guard list.thisUpdate <= now + 300 else {
                problems.insert(.init(reason: .notYetValid, place: place))
                continue
            }
            let part = Part(issuer: list.issuer, key: signer.publicKey, scope: list.scope)
            if let known = before.parts[part], known.list.thisUpdate > list.thisUpdate {
                problems.insert(.init(reason: .older, place: place))
                continue
            }
            if let other = parts[part], other.list.thisUpdate > list.thisUpdate { continue }
            parts[part] = (list, place)
        }
        if !problems.isEmpty {
            let stay = before.parts.filter { part, _ in
                authorities.contains { $0.subject == part.issuer && $0.publicKey == part.key }
            }
            parts.merge(stay) { new, _ in new }
        }
        self.parts = parts
        self.problems = problems
        byIssuer = Dictionary(grouping: parts.values.map(\.list), by: \.issuer)
    }

    /// Whether one of the lists of its issuer names it.
    func contains(_ certificate: CertificateID) -> Bool {
        guard !byIssuer.isEmpty, let serial = certificate.serial, let lists = byIssuer[certificate.issuer] else {
            return false
        }
        return lists.contains { $0.contains(serial) }
    }

    /// Certificates that are named.
    var count: Int { parts.values.reduce(0) { $0 + $1.list.count } }

    /// When the first of them should be replaced, in seconds since 1970; nil: there is none that says so.
    var nextUpdate: Int? { parts.values.compactMap(\.list.nextUpdate).min() }

    /// What is wrong now, when some may have expired.
    ///
    /// - Parameter now: seconds since 1970.
    func problems(at now: Int) -> Set<RevocationProblem> {
        let expired = parts.values.filter { $0.list.nextUpdate.map { $0 <= now } ?? false }
        return problems.union(expired.map { RevocationProblem(reason: .expired, place: $0.place) })
    }
}
