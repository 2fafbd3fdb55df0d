internal import Model

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The header in which a proxy passes on the certificate that its client has shown it.
package enum CertificateHeader: Sendable, Equatable {
    /// `Client-Cert`: the DER form as a byte sequence of structured fields, `:<base 64>:` (RFC 9440 section 2.2).
    case clientCert(String)
    /// `X-Client-Cert`: the PEM form, escaped as in a URL; nginx has it in `$ssl_client_escaped_cert`.
    case escapedPEM(String)

    /// Largest certificate in DER form.
    static let maximumSize = 6 << 10

    /// What stands in it, as it came.
    package var text: String {
        switch self {
        case .clientCert(let text), .escapedPEM(let text): text
        }
    }

    /// The certificate in DER form; nil unless exactly one is there and nothing beside it.
    package var certificate: [UInt8]? {
        let base64: String? =
            switch self {
            case .clientCert(let text): Self.byteSequence(text)
            case .escapedPEM(let text): (try? PercentDecoding.decode(text).get()).flatMap(Self.pem)
            }
        // Four characters for three bytes.
        guard let base64, base64.utf8.count <= Self.maximumSize / 3 * 4, let data = Data(base64Encoded: base64),
            !data.isEmpty, data.base64EncodedString() == base64
        else { return nil }
        return Array(data)
    }

    /// RFC 8941 section 3.3.5. The padding is asked for: everybody writes it.
    private static func byteSequence(_ text: String) -> String? {
        guard text.utf8.count > 2, text.utf8.first == UInt8(ascii: ":"), text.utf8.last == UInt8(ascii: ":") else {
            return nil
        }
        return base64(text.utf8.dropFirst().dropLast())
    }

    /// RFC 7468 section 3, as OpenSSL writes it: lines of up to 64 characters, each ended by a line feed.
    private static func pem(_ text: String) -> String? {
        var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
        if lines.last?.isEmpty == true { lines.removeLast() }
        guard lines.popFirst()?.elementsEqual("-----BEGIN CERTIFICATE-----".utf8) == true,
            lines.popLast()?.elementsEqual("-----END CERTIFICATE-----".utf8) == true,
            lines.allSatisfy({ (1...64).contains($0.count) })
        else { return nil }
        return base64(lines.joined())
    }

    /// The text, if it holds nothing else than base 64 does.
    private static func base64(_ text: some Sequence<UInt8>) -> String? {
        let bytes = Array(text)
        let isBase64 = bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): true
            default: false
            }
        }
        return isBase64 ? String(validating: bytes, as: UTF8.self) : nil
    }
}
