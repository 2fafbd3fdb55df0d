internal import SwiftASN1
internal import X509

/// The common name in a certificate's subject (RFC 5280 section 4.1.2.6), taken verbatim.
package enum CommonName: Sendable, Equatable {
    case one(String)
    case none
    case several
    /// Not text, or in a certificate that can't be read.
    case unreadable

    /// Reads nothing but the subject: the rest of a certificate costs several times as much, and the handshake has looked at it.
    ///
    /// - Parameter certificate: in DER form; that its signature is good has been checked before.
    init(certificate: [UInt8]) {
        guard let subject = try? Self.subject(of: certificate) else {
            self = .unreadable
            return
        }
        self.init(subject)
    }

    init(_ certificate: Certificate) { self.init(certificate.subject) }

    private init(_ subject: DistinguishedName) {
        let names = subject.lazy.flatMap { $0 }.filter { $0.type == .RDNAttributeType.commonName }
        guard let first = names.first else {
            self = .none
            return
        }
        guard names.count == 1 else {
            self = .several
            return
        }
        self = String(first.value).map { .one($0) } ?? .unreadable
    }

    /// RFC 5280 section 4.1: the fifth field behind the version, which may be left out.
    private static func subject(of certificate: [UInt8]) throws -> DistinguishedName {
        try DER.sequence(DER.parse(certificate), identifier: .sequence) { parts in
            defer { while parts.next() != nil {} }
            guard let signed = parts.next() else { throw Unreadable() }
            return try DER.sequence(signed, identifier: .sequence) { fields in
                defer { while fields.next() != nil {} }
                try DER.optionalExplicitlyTagged(&fields, tagNumber: 0, tagClass: .contextSpecific) { _ in }
                // Serial number, algorithm, issuer, validity.
                for _ in 0..<4 { guard fields.next() != nil else { throw Unreadable() } }
                guard let subject = fields.next() else { throw Unreadable() }
                return try DistinguishedName(derEncoded: subject)
            }
        }
    }

    private struct Unreadable: Error {}
}
