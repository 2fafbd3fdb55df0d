internal import AdaptersCore
internal import Crypto
internal import TLSSupport

/// The certificates that proxies have passed on to one event loop lately, so that they aren't verified anew with every
/// request.
///
/// Only good ones are kept, by the SHA-256 of their header, and taken for good only while their dates and those of
/// their authorities are, and authorities and revocation lists the same. Two tables take turns: when the newer one is full the older is forgotten.
struct PassedOnCertificates {
    /// Certificates in one of the two tables.
    let capacity: Int

    private struct Known {
        let certificate: ClientCertificate
        let shown: ShownCertificate
        let generation: Int
    }

    private var newer: [SHA256.Digest: Known] = [:]
    private var older: [SHA256.Digest: Known] = [:]

    init(capacity: Int = 2_048) {
        self.capacity = capacity
    }

    /// Whose certificate this is, and what lists may name it by.
    mutating func certificate(
        in header: CertificateHeader,
        by verifier: PassedOnVerifier
    ) throws(Refusal) -> (ClientCertificate, ShownCertificate) {
        let digest = header.digest
        let generation = verifier.generation
        if let known = newer[digest] ?? older[digest], known.generation == generation,
            known.shown.validity.refusal(at: verifier.now) == nil
        {
            if newer[digest] == nil { keep(known, digest) }
            return (known.certificate, known.shown)
        }
        newer[digest] = nil
        older[digest] = nil
        do {
            let verified = try verifier.verify(header)
            let certificate = ClientCertificate(verified.name)
            keep(Known(certificate: certificate, shown: verified.shown, generation: generation), digest)
            return (certificate, verified.shown)
        } catch {
            throw Refusal(error)
        }
    }

    var count: Int { newer.count + older.count }

    private mutating func keep(_ known: Known, _ digest: SHA256.Digest) {
        if newer.count >= capacity {
            older = newer
            newer.removeAll(keepingCapacity: true)
        }
        newer[digest] = known
    }
}

extension CertificateHeader {
    /// Of the text and of how it is to be read.
    fileprivate var digest: SHA256.Digest {
        var hash = SHA256()
        switch self {
        case .clientCert: hash.update(data: [0])
        case .escapedPEM: hash.update(data: [1])
        }
        var text = text
        text.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        return hash.finalize()
    }
}

extension Refusal {
    fileprivate init(_ reason: PassedOnRefusal) {
        self =
            switch reason {
            case .unreadable: .badCertificateHeader
            case .refused(.expiredCertificate): .expiredCertificate
            case .refused(.notYetValidCertificate): .notYetValidCertificate
            case .refused(.revokedCertificate): .revokedCertificate
            case .refused: .untrustedCertificate
            }
    }
}
