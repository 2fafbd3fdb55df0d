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
        case client, server, unsaid, any
    }

    package let certificate: Certificate
    /// Its certificate's PEM file.
    package let path: String
    private let key = P256.Signing.PrivateKey()
    private let folder: TemporaryFolder

    /// A root.
    package init(_ folder: TemporaryFolder, name: String = "Test CA") throws {
        try self.init(folder, name, by: nil, maximumPathLength: nil)
    }

    /// - Parameters:
    ///   - signer: nil: itself.
    ///   - mark: what its certificate says beside the usual.
    private init(
        _ folder: TemporaryFolder,
        _ name: String,
        by signer: Self?,
        maximumPathLength: Int?,
        validity: ClosedRange<TimeInterval> = -3_600...3_600,
        isAuthority: Bool = true,
        maySign: Bool = true,
        mark: [Certificate.Extension] = []
    ) throws {
        self.folder = folder
        let subject = try DistinguishedName { X509.CommonName(name) }
        var extensions = try Certificate.Extensions {
            Critical(
                isAuthority
                    ? BasicConstraints.isCertificateAuthority(maxPathLength: maximumPathLength)
                    : .notCertificateAuthority
            )
            Critical(KeyUsage(keyCertSign: maySign, cRLSign: true))
        }
        for each in mark { try extensions.append(each) }
        certificate = try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: .init(key.publicKey),
            notValidBefore: .now + validity.lowerBound,
            notValidAfter: .now + validity.upperBound,
            issuer: signer?.certificate.subject ?? subject,
            subject: subject,
            extensions: extensions,
            issuerPrivateKey: .init(signer?.key ?? key)
        )
        path = "\(folder.path)/ca-\(UUID()).crt"
        try certificate.serializeAsPEM().pemString.write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// One whose certificate this one has signed.
    package func authority(
        _ name: String,
        maximumPathLength: Int? = nil,
        validity: ClosedRange<TimeInterval> = -3_600...3_600,
        isAuthority: Bool = true,
        maySign: Bool = true,
        mark: [Certificate.Extension] = []
    ) throws -> Self {
        try Self(
            folder,
            name,
            by: self,
            maximumPathLength: maximumPathLength,
            validity: validity,
            isAuthority: isAuthority,
            maySign: maySign,
            mark: mark
        )
    }

    /// A signature, by ECDSA with SHA-256, in DER form.
    func sign(_ bytes: [UInt8]) throws -> Data { try key.signature(for: bytes).derRepresentation }

    /// - Parameters:
    ///   - names: the common names of the subject, which has an organization besides.
    ///   - validity: seconds from now.
    ///   - mark: what the certificate says beside the usual.
    ///   - chain: whose certificates are sent with it.
    package func sign(
        _ names: [String],
        purpose: Purpose = .client,
        validity: ClosedRange<TimeInterval> = -3_600...3_600,
        mark: [Certificate.Extension] = [],
        sending chain: [TestAuthority] = []
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
                if let usage = purpose.usage { try ExtendedKeyUsage([usage]) }
                SubjectAlternativeNames([.dnsName("localhost")])
                for each in mark { each }
            },
            issuerPrivateKey: .init(key)
        )
        let base = "\(folder.path)/\(UUID())"
        let texts = try ([certificate] + chain.map(\.certificate)).map { try $0.serializeAsPEM().pemString + "\n" }
        try texts.joined().write(toFile: "\(base).crt", atomically: true, encoding: .utf8)
        try ownKey.pemRepresentation.write(toFile: "\(base).key", atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(base).key")
        return Pair(certificate: certificate, certificatePath: "\(base).crt", keyPath: "\(base).key")
    }
}

extension TestAuthority.Purpose {
    fileprivate var usage: ExtendedKeyUsage.Usage? {
        switch self {
        case .client: .clientAuth
        case .server: .serverAuth
        case .any: .any
        case .unsaid: nil
        }
    }
}
