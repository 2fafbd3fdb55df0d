internal import Crypto
package import Foundation
internal import SwiftASN1
package import X509

/// A revocation list, written by hand so that any of its parts can be wrong.
package struct TestCRL {
    package var serials: [[UInt8]] = []
    /// Seconds from now.
    package var thisUpdate: TimeInterval = -60
    /// Nil: it doesn't say.
    package var nextUpdate: TimeInterval? = 3_600
    /// Nil: the first version.
    package var version: Int? = 1
    package var extensions: [Certificate.Extension] = []
    package var entryExtensions: [Certificate.Extension] = []
    package var isSignatureGood = true
    package var issuer: DistinguishedName?

    package init(_ revoked: [TestAuthority.Pair] = []) {
        serials = revoked.map { Array($0.certificate.serialNumber.bytes) }
    }

    package init(authorities: [TestAuthority]) {
        serials = authorities.map { Array($0.certificate.serialNumber.bytes) }
    }
}

extension TestAuthority {
    /// The list in DER form, signed with this authority's key.
    package func crl(_ list: TestCRL) throws -> [UInt8] {
        let algorithm: [UInt8] = [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02]
        var coder = DER.Serializer()
        try coder.appendConstructedNode(identifier: .sequence) { coder in
            if let version = list.version { try coder.serialize(version) }
            coder.serializeRawBytes(algorithm)
            try coder.serialize(list.issuer ?? certificate.subject)
            try coder.serialize(Self.time(list.thisUpdate))
            if let next = list.nextUpdate { try coder.serialize(Self.time(next)) }
            if !list.serials.isEmpty {
                try coder.appendConstructedNode(identifier: .sequence) { coder in
                    for serial in list.serials {
                        try coder.appendConstructedNode(identifier: .sequence) { coder in
                            coder.appendPrimitiveNode(identifier: .integer) { $0 += serial }
                            try coder.serialize(Self.time(list.thisUpdate))
                            if !list.entryExtensions.isEmpty {
                                try Self.serialize(list.entryExtensions, into: &coder)
                            }
                        }
                    }
                }
            }
            if !list.extensions.isEmpty {
                let tag = ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific)
                try coder.appendConstructedNode(identifier: tag) { try Self.serialize(list.extensions, into: &$0) }
            }
        }
        let body = coder.serializedBytes
        var signature = Array(try sign(body))
        if !list.isSignatureGood { signature[signature.count - 1] ^= 1 }
        var whole = DER.Serializer()
        whole.appendConstructedNode(identifier: .sequence) { coder in
            coder.serializeRawBytes(body)
            coder.serializeRawBytes(algorithm)
            coder.appendPrimitiveNode(identifier: .bitString) { $0 += [0] + signature }
        }
        return whole.serializedBytes
    }

    /// The same in PEM form.
    package func crlText(_ list: TestCRL) throws -> String {
        let base64 = Data(try crl(list)).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN X509 CRL-----\n\(base64)\n-----END X509 CRL-----\n"
    }

    private static func time(_ seconds: TimeInterval) throws -> GeneralizedTime {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let parts = calendar.dateComponents(
            [.year, .month, .day, .hour, .minute, .second],
            from: .now + seconds
        )
        return try GeneralizedTime(
            year: parts.year ?? 0,
            month: parts.month ?? 0,
            day: parts.day ?? 0,
            hours: parts.hour ?? 0,
            minutes: parts.minute ?? 0,
            seconds: parts.second ?? 0,
            fractionalSeconds: 0
        )
    }

    private static func serialize(_ extensions: [Certificate.Extension], into coder: inout DER.Serializer) throws {
        try coder.appendConstructedNode(identifier: .sequence) { coder in
            for each in extensions {
                try coder.appendConstructedNode(identifier: .sequence) { coder in
                    try coder.serialize(each.oid)
                    if each.critical { try coder.serialize(true) }
                    coder.appendPrimitiveNode(identifier: .octetString) { $0 += each.value }
                }
            }
        }
    }
}
