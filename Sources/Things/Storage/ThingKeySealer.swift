internal import Crypto
internal import FoundationEssentials
package import Model

/// What the database holds of a thing's key.
package struct SealedKey: Sendable, Equatable {
    /// Which secret protects it.
    package let secretID: [UInt8]
    /// HMAC-SHA256 of the key, to find it by.
    package let digest: [UInt8]
    /// AES-256-GCM of the key, bound to the thing's id, to show it to its owner.
    package let ciphertext: [UInt8]

    package init(secretID: [UInt8], digest: [UInt8], ciphertext: [UInt8]) {
        self.secretID = secretID
        self.digest = digest
        self.ciphertext = ciphertext
    }
}

/// Protects thing keys at rest: who reads the database without the secret can neither use a key nor test a guess.
///
/// Both subkeys and the secret's id are derived from the secret by HKDF-SHA256 (RFC 5869), under separate labels. A
/// secret is changed by making the new one current while the old one is still known.
package struct ThingKeySealer: Sendable {
    package enum Failure: Error, Equatable {
        /// The key is under a secret that this program hasn't been given.
        case unknownSecret
        /// The stored bytes aren't what was stored, or belong to another thing.
        case damaged
    }

    private let current: Subkeys
    private let older: [Subkeys]

    package init(secret: Secret, olderSecrets: [Secret] = []) {
        self.current = Subkeys(secret)
        self.older = olderSecrets.filter { $0 != secret }.map(Subkeys.init)
    }

    package var currentSecretID: [UInt8] { current.id }

    package func seal(_ key: ThingKey, for thing: Thing.ID) throws -> SealedKey {
        let box = try AES.GCM.seal(
            Array(key.secret.revealed.utf8),
            using: current.sealing,
            authenticating: thing.value.bytes
        )
        guard let ciphertext = box.combined else { throw Failure.damaged }
        return SealedKey(secretID: current.id, digest: current.digest(of: key), ciphertext: Array(ciphertext))
    }

    package func open(_ sealed: SealedKey, for thing: Thing.ID) throws -> ThingKey {
        guard let subkeys = sealed.secretID == current.id ? current : older.first(where: { $0.id == sealed.secretID })
        else { throw Failure.unknownSecret }
        guard
            let box = try? AES.GCM.SealedBox(combined: sealed.ciphertext),
            let text = try? AES.GCM.open(box, using: subkeys.sealing, authenticating: thing.value.bytes),
            let key = ThingKey(String(decoding: text, as: UTF8.self))
        else { throw Failure.damaged }
        return key
    }

    /// What the key may be found by: the digest under the current secret, then those under older ones.
    package func digests(of key: ThingKey) -> [[UInt8]] {
        [current.digest(of: key)] + older.map { $0.digest(of: key) }
    }
}

private struct Subkeys: Sendable {
    let id: [UInt8]
    let lookup: SymmetricKey
    let sealing: SymmetricKey

    init(_ secret: Secret) {
        let secret = SymmetricKey(data: Array(secret.revealed.utf8))
        func derive(_ label: String, _ count: Int) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(inputKeyMaterial: secret, info: Array(label.utf8), outputByteCount: count)
        }
        self.id = derive("fluxgate thing keys: id", 8).withUnsafeBytes { Array($0) }
        self.lookup = derive("fluxgate thing keys: look-up", 32)
        self.sealing = derive("fluxgate thing keys: sealing", 32)
    }

    func digest(of key: ThingKey) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(key.secret.revealed.utf8), using: lookup))
    }
}
