internal import X509

/// By which a revocation list names a certificate: who has signed it, and its serial number.
struct CertificateID: Sendable, Equatable {
    let issuer: DistinguishedName
    let serial: SerialNumber?

    init(_ certificate: Certificate) {
        issuer = certificate.issuer
        serial = SerialNumber(certificate.serialNumber.bytes)
    }
}

/// A serial number of up to 24 bytes; RFC 5280 section 4.1.2.2 allows 20.
struct SerialNumber: Sendable, Hashable, Comparable {
    private let high: UInt64
    private let middle: UInt64
    private let low: UInt64

    /// Nil if it is longer. The sign, which there should not be, isn't looked at.
    init?(_ bytes: some Collection<UInt8>) {
        let digits = bytes.drop { $0 == 0 }
        guard digits.count <= 24 else { return nil }
        var (high, middle, low): (UInt64, UInt64, UInt64) = (0, 0, 0)
        for digit in digits {
            high = high << 8 | middle >> 56
            middle = middle << 8 | low >> 56
            low = low << 8 | UInt64(digit)
        }
        (self.high, self.middle, self.low) = (high, middle, low)
    }

    static func < (left: Self, right: Self) -> Bool {
        (left.high, left.middle, left.low) < (right.high, right.middle, right.low)
    }
}

/// What is remembered of a certificate that a client has come in by, as long as its connection lives.
package struct ShownCertificate: Sendable, Equatable {
    /// Until when it may be used, as far as its own dates and those of who has signed it go.
    package let validity: CertificateValidity
    /// By which lists may name it, and those between it and its root. Empty where there are no lists.
    let path: [CertificateID]
}
