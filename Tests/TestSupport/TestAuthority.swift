internal import Crypto
package import Foundation
internal import SwiftASN1
package import X509

/// An authority that signs certificates for tests; each is valid from an hour ago for an hour unless told otherwise.
package struct TestAuthority {
    /// A certificate and its key, as files.
    package struct Pair {
        package let certificate: Certificate
        package let certificatePath: String
        package let keyPath: String
    }

    package enum Purpose {
        case client, server
    }

    package let certificate: Certificate
    package let path: String
    private let key = P256.Signing.PrivateKey()
    private let folder: TemporaryFolder

    package init(_ folder: TemporaryFolder, name: String = "Test CA") throws {
        self.folder = folder
        let subject = try DistinguishedName { X509.CommonName(name) }
        certificate = try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: .init(key.publicKey),
            notValidBefore: .now - 3_600,
            notValidAfter: .now + 3_600,
            issuer: subject,
            subject: subject,
            extensions: try .init {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
            },
            issuerPrivateKey: .init(key)
        )
        path = "\(folder.path)/ca-\(UUID()).crt"
        try certificate.serializeAsPEM().pemString.write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// - Parameters:
    ///   - names: the common names of the subject, which has an organization besides.
    ///   - validity: seconds from now.
    package func sign(
        _ names: [String],
        purpose: Purpose = .client,
        validity: ClosedRange<TimeInterval> = -3_600...3_600
    ) throws -> Pair {
        let ownKey = P256.Signing.PrivateKey()
        let attributes =
            [RelativeDistinguishedName.Attribute(type: .RDNAttributeType.organizationName, utf8String: "Test")]
            + names.map { RelativeDistinguishedName.Attribute(type: .RDNAttributeType.commonName, utf8String: $0) }
        let certificate = try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: .init(ownKey.publicKey),
            notValidBefore: .now + validity.lowerBound,
            notValidAfter: .now + validity.upperBound,
            issuer: self.certificate.subject,
            subject: DistinguishedName(attributes.map { RelativeDistinguishedName($0) }),
            extensions: try .init {
                BasicConstraints.notCertificateAuthority
                try ExtendedKeyUsage([purpose == .client ? .clientAuth : .serverAuth])
                SubjectAlternativeNames([.dnsName("localhost")])
            },
            issuerPrivateKey: .init(key)
        )
        let base = "\(folder.path)/\(UUID())"
        try certificate.serializeAsPEM().pemString.write(toFile: "\(base).crt", atomically: true, encoding: .utf8)
        try ownKey.pemRepresentation.write(toFile: "\(base).key", atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(base).key")
        return Pair(certificate: certificate, certificatePath: "\(base).crt", keyPath: "\(base).key")
    }
}
