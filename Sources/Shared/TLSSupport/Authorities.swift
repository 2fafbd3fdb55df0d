internal import SwiftASN1
internal import X509

/// Those who may sign, read from one file, and the judgement of what one of them has signed (RFC 5280 section 6.1).
///
/// BoringSSL judges in the handshake only, with every authority that a listener trusts, and doesn't tell which of them
/// it was. This says the same of one file's authorities, and of certificates that came by another way. It is the
/// stricter one: what leads from a certificate to its root must stand in the file, issuers are named byte for byte as
/// they name themselves, and name constraints aren't understood.
struct Authorities: Sendable {
    /// Most certificates from one that signs for clients to its root.
    private static let longestPath = 5

    /// The way from one who signs for clients to a root, which comes last.
    private struct Path {
        let certificates: [Certificate]
        let validity: CertificateValidity
        /// By which lists may name them. A root answers for itself.
        let ids: [CertificateID]
    }

    /// By the subject of the first.
    private let paths: [DistinguishedName: [Path]]
    let all: [Certificate]

    /// Throws if the file can't be used for this.
    init(_ certificates: [Certificate]) throws(AuthoritiesError) {
        guard certificates.allSatisfy(\.hasKnownExtensionsOnly) else { throw .unknownExtensions }
        var found: [DistinguishedName: [Path]] = [:]
        var growing = certificates.filter(\.isRoot).map { [$0] }
        while let path = growing.popLast(), let first = path.first {
            let validity = path.dropFirst().reduce(CertificateValidity(first)) { $0.and(CertificateValidity($1)) }
            found[first.subject, default: []].append(
                Path(certificates: path, validity: validity, ids: path.dropLast().map(CertificateID.init))
            )
            guard path.count < Self.longestPath else { continue }
            growing += certificates.filter { $0.maySign(below: path) }.map { [$0] + path }
        }
        guard !found.isEmpty else { throw .noRoot }
        paths = found
        all = certificates
    }

    /// Judges a client's certificate: first its dates, then who signed it, and what for.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Returns: for how long the judgement is good.
    func judge(_ certificate: Certificate, at now: Int) -> Result<CertificateValidity, TLSRefusal> {
        judge(certificate, lists: .none, at: now).map(\.validity)
    }

    /// The same, and that no list names it or one between it and its root.
    func judge(
        _ certificate: Certificate,
        lists: RevocationLists,
        at now: Int
    ) -> Result<ShownCertificate, TLSRefusal> {
        let own = CertificateValidity(certificate)
        if let reason = own.refusal(at: now) { return .failure(reason) }
        guard certificate.isForClients, certificate.hasKnownExtensionsOnly else {
            return .failure(.untrustedCertificate)
        }
        let id = CertificateID(certificate)
        var refusal = TLSRefusal.untrustedCertificate
        for path in paths[certificate.issuer] ?? [] where path.validity.refusal(at: now) == nil {
            guard let signer = path.certificates.first, signer.hasSigned(certificate) else { continue }
            if lists.contains(id) || path.ids.contains(where: lists.contains) {
                refusal = .revokedCertificate
            } else {
                return .success(ShownCertificate(validity: own.and(path.validity), path: [id] + path.ids))
            }
        }
        return .failure(refusal)
    }

    /// Whether one in either file is, or has signed, one in the other: then they don't tell apart who is below which.
    func overlaps(_ other: Authorities) -> Bool {
        all.contains { one in
            other.all.contains { two in
                one.publicKey == two.publicKey || one.hasSigned(two) || two.hasSigned(one)
            }
        }
    }
}

/// Why certificates can't be used to judge others by.
enum AuthoritiesError: Error {
    case noRoot
    case unknownExtensions
}

extension Certificate {
    /// What is looked at here, or demands nothing where it stands alone.
    private static let knownExtensions: Set<ASN1ObjectIdentifier> = [
        .X509ExtensionID.basicConstraints, .X509ExtensionID.keyUsage, .X509ExtensionID.extendedKeyUsage,
        .X509ExtensionID.subjectAlternativeName, [2, 5, 29, 32],  // Certificate policies.
    ]

    /// Whether nothing in it must be understood that isn't (RFC 5280 section 4.2). Name constraints must, critical or
    /// not.
    fileprivate var hasKnownExtensionsOnly: Bool {
        extensions.allSatisfy { $0.oid != .X509ExtensionID.nameConstraints }
            && extensions.allSatisfy { !$0.critical || Self.knownExtensions.contains($0.oid) }
    }

    fileprivate func hasSigned(_ other: Certificate) -> Bool {
        other.issuer == subject && publicKey.isValidSignature(other.signature, for: other)
    }

    /// A root of the first version has no extensions that could say that it may sign.
    fileprivate var isRoot: Bool {
        guard hasSigned(self), mayUseItsKeyToSign else { return false }
        return isAuthority ?? (version == .v1)
    }

    /// Whether it may stand in front of the path, towards the client.
    fileprivate func maySign(below path: [Certificate]) -> Bool {
        guard let signer = path.first, signer.hasSigned(self), isAuthority == true, mayUseItsKeyToSign,
            isFor(.clientAuth, .any), !path.contains(where: { $0.subject == subject && $0.publicKey == publicKey })
        else { return false }
        let longer = [self] + path
        return longer.indices.allSatisfy { index in
            // Those whose issuer has the same name don't count (RFC 5280 section 4.2.1.9).
            let between = longer[..<index].count { $0.subject != $0.issuer }
            return longer[index].maximumPathLength.map { between <= $0 } ?? true
        }
    }

    /// Whether BoringSSL would take it from a client, as far as its purpose goes (RFC 5280 sections 4.2.1.3, 4.2.1.12).
    fileprivate var isForClients: Bool {
        let mayProve = (try? extensions.keyUsage.map { $0.digitalSignature || $0.keyAgreement } ?? true) ?? false
        return mayProve && isFor(.clientAuth)
    }

    /// Whether it may be used for one of these, or doesn't say what for. One that can't be read may not.
    private func isFor(_ usages: ExtendedKeyUsage.Usage...) -> Bool {
        (try? extensions.extendedKeyUsage.map { given in usages.contains { given.contains($0) } } ?? true) ?? false
    }

    private var mayUseItsKeyToSign: Bool {
        (try? extensions.keyUsage.map(\.keyCertSign) ?? true) ?? false
    }

    /// Nil if it doesn't say.
    private var isAuthority: Bool? {
        guard let constraints = try? extensions.basicConstraints else { return nil }
        return switch constraints {
        case .isCertificateAuthority: true
        case .notCertificateAuthority: false
        }
    }

    private var maximumPathLength: Int? {
        guard case .isCertificateAuthority(let length)? = try? extensions.basicConstraints else { return nil }
        return length
    }
}
