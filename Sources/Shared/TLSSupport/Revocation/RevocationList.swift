internal import Crypto
internal import Foundation
internal import SwiftASN1
internal import X509

/// A list of revoked certificates (RFC 5280 section 5), complete for what it is about.
///
/// Its extensions are looked at as far as they change what it says: deltas and indirect lists aren't understood. One that is
/// about a part of an authority's certificates only is: it stands beside those about the other parts.
final class RevocationList: Sendable {
    /// Most bytes in DER form, and most certificates.
    static let maximumSize = 16 << 20
    static let maximumEntries = 1_000_000

    let issuer: DistinguishedName
    /// Seconds since 1970.
    let thisUpdate: Int
    /// Nil: it doesn't say when there will be another.
    let nextUpdate: Int?
    /// In order.
    private let serials: [SerialNumber]
    /// What it is about, by the extension that says so; empty: all certificates of its issuer.
    let scope: [UInt8]

    private let signed: [UInt8]
    private let algorithm: Certificate.SignatureAlgorithm
    private let signature: [UInt8]

    var count: Int { serials.count }

    /// Whether the authority with this serial number is on it.
    func contains(_ serial: SerialNumber) -> Bool {
        var (low, high) = (0, serials.count)
        while low < high {
            let middle = low + (high - low) / 2
            if serials[middle] < serial { low = middle + 1 } else { high = middle }
        }
        return low < serials.count && serials[low] == serial
    }

    /// Whether it was signed with the key in this certificate, whose owner may sign lists (section 6.3.3 f, g).
    func isSigned(by authority: Certificate) -> Bool {
        guard authority.subject == issuer,
            (try? authority.extensions.keyUsage.map(\.cRLSign) ?? true) ?? false
        else { return false }
        return authority.publicKey.isValidSignature(signature, for: signed, signatureAlgorithm: algorithm)
    }

    /// Throws if it isn't one, or one that can't be judged here. Its signature isn't looked at.
    ///
    /// - Parameter der: not longer than ``maximumSize``.
    init(der: [UInt8]) throws(RevocationProblem.Reason) {
        do {
            var file = DERReader(der)
            var list = file.inside(try file.next(.derSequence))
            let signed = try list.next(.derSequence)
            let algorithm = try list.next(.derSequence)
            let signature = try list.next(.derBitString)
            guard file.isAtEnd, list.isAtEnd, der[signature.contents].first == 0 else { throw Refused.broken }

            var body = file.inside(signed)
            var isSecondVersion = false
            if let version = try body.optional(.derInteger) {
                // There is no third one.
                guard Array(der[version.contents]) == [1] else { throw Refused.unsupported }
                isSecondVersion = true
            }
            // Section 5.1.1.2: it must be the same.
            guard der[try body.next(.derSequence).whole] == der[algorithm.whole] else { throw Refused.broken }
            issuer = try DistinguishedName(derEncoded: DER.parse(der[try body.next(.derSequence).whole]))
            thisUpdate = try body.time()
            nextUpdate = body.tag == .derUTCTime || body.tag == .derGeneralizedTime ? try body.time() : nil
            serials = try body.optional(.derSequence).map { try Self.entries(body.inside($0)) } ?? []
            scope = try body.optional(.derContext0).map { try Self.scope(body.inside($0)) } ?? []
            guard body.isAtEnd, isSecondVersion || scope.isEmpty else { throw Refused.broken }

            guard let known = Certificate.SignatureAlgorithm(der[algorithm.contents]) else { throw Refused.unsupported }
            self.signed = Array(der[signed.whole])
            self.algorithm = known
            self.signature = Array(der[signature.contents].dropFirst())
        } catch let reason as Refused {
            throw reason.reason
        } catch {
            throw .broken
        }
    }

    // MARK: Parts

    private enum Refused: Error {
        case broken, unsupported, tooLarge

        var reason: RevocationProblem.Reason {
            switch self {
            case .broken: .broken
            case .unsupported: .unsupported
            case .tooLarge: .tooLarge
            }
        }
    }

    /// Why a certificate was revoked makes no difference; what must be understood of an entry and isn't spoils the list
    /// (section 5.3).
    private static func entries(_ list: DERReader) throws -> [SerialNumber] {
        var (list, serials) = (list, [SerialNumber]())
        while !list.isAtEnd {
            guard serials.count < maximumEntries else { throw Refused.tooLarge }
            var entry = list.inside(try list.next(.derSequence))
            let number = try entry.next(.derInteger)
            guard let serial = SerialNumber(list.bytes[number.contents]) else { throw Refused.unsupported }
            _ = try entry.time()
            if let extensions = try entry.optional(.derSequence) {
                // Its reason, and since when.
                try read(extensions, of: entry) { id, isCritical, _ in
                    if isCritical, id != [0x55, 0x1D, 0x15], id != [0x55, 0x1D, 0x18] { throw Refused.unsupported }
                }
            }
            guard entry.isAtEnd else { throw Refused.broken }
            serials.append(serial)
        }
        serials.sort()
        return serials
    }

    private static func scope(_ list: DERReader) throws -> [UInt8] {
        var (list, scope) = (list, [UInt8]())
        let extensions = try list.next(.derSequence)
        guard list.isAtEnd else { throw Refused.broken }
        try read(extensions, of: list) { id, isCritical, value in
            switch id {
            // The issuer's key, and the list's number.
            case [0x55, 0x1D, 0x23], [0x55, 0x1D, 0x14]: break
            // Only what has changed since another list.
            case [0x55, 0x1D, 0x1B]: throw Refused.unsupported
            case [0x55, 0x1D, 0x1C]:
                scope = Array(list.bytes[value])
                var point = DERReader(list.bytes, in: value)
                var parts = point.inside(try point.next(.derSequence))
                while !parts.isAtEnd {
                    let part = try parts.next()
                    // It names certificates of other authorities too.
                    if part.tag == 0x84, list.bytes[part.contents].first != 0 { throw Refused.unsupported }
                }
            case _ where isCritical: throw Refused.unsupported
            default: break
            }
        }
        return scope
    }

    /// Calls back with each: its identifier, whether it must be understood, and where its value is.
    private static func read(
        _ extensions: DERReader.Element,
        of reader: DERReader,
        _ body: (ArraySlice<UInt8>, Bool, Range<Int>) throws -> Void
    ) throws {
        var list = reader.inside(extensions)
        while !list.isAtEnd {
            var each = list.inside(try list.next(.derSequence))
            let id = try each.next(.derObjectIdentifier)
            var isCritical = false
            if let flag = try each.optional(.derBoolean) { isCritical = list.bytes[flag.contents].first != 0 }
            let value = try each.next(.derOctetString)
            guard each.isAtEnd else { throw Refused.broken }
            try body(list.bytes[id.contents], isCritical, value.contents)
        }
    }
}

extension Certificate.SignatureAlgorithm {
    /// - Parameter identifier: the contents of an AlgorithmIdentifier. What rests on SHA-1 isn't taken.
    fileprivate init?(_ identifier: ArraySlice<UInt8>) {
        let rsa: [UInt8] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01]
        let ecdsa: [UInt8] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03]
        switch Array(identifier) {
        case ecdsa + [0x02]: self = .ecdsaWithSHA256
        case ecdsa + [0x03]: self = .ecdsaWithSHA384
        case ecdsa + [0x04]: self = .ecdsaWithSHA512
        case rsa + [0x0B, 0x05, 0x00]: self = .sha256WithRSAEncryption
        case rsa + [0x0C, 0x05, 0x00]: self = .sha384WithRSAEncryption
        case rsa + [0x0D, 0x05, 0x00]: self = .sha512WithRSAEncryption
        case [0x06, 0x03, 0x2B, 0x65, 0x70]: self = .ed25519
        default: return nil
        }
    }
}
