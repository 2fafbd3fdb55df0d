internal import SwiftASN1
internal import X509

/// The common name in a certificate's subject (RFC 5280 section 4.1.2.6), taken verbatim.
package enum CommonName: Sendable, Equatable {
    case one(String)
    case none
    case several
    /// Not text, or in a certificate that can't be read.
    case unreadable

    /// - Parameter certificate: in DER form; that its signature is good has been checked before.
    init(certificate: [UInt8]) {
        guard let certificate = try? Certificate(derEncoded: certificate) else {
            self = .unreadable
            return
        }
        self.init(certificate)
    }

    init(_ certificate: Certificate) {
        let names = certificate.subject.lazy.flatMap { $0 }.filter { $0.type == .RDNAttributeType.commonName }
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
}
