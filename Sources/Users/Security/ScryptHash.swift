internal import FoundationEssentials

/// How dear a hash is.
package struct ScryptParameters: Sendable, Equatable {
    /// The base-two logarithm of the cost factor N.
    package let costExponent: Int
    package let blockSize: Int
    package let parallelism: Int

    package init(costExponent: Int, blockSize: Int, parallelism: Int) {
        self.costExponent = costExponent
        self.blockSize = blockSize
        self.parallelism = parallelism
    }

    /// What OWASP's password storage cheat sheet gives for 16 MiB: N = 2^14, r = 8, p = 5.
    package static let recommended = Self(costExponent: 14, blockSize: 8, parallelism: 5)

    /// What we are ready to compute when a stored hash asks for it.
    var isReasonable: Bool {
        (1...20).contains(costExponent) && (1...32).contains(blockSize) && (1...32).contains(parallelism)
    }
}

/// A stored hash: `$scrypt$ln=14,r=8,p=5$<salt>$<key>`, both parts in Base64 without padding (the PHC string format).
struct ScryptHash: CustomStringConvertible {
    let parameters: ScryptParameters
    let salt: [UInt8]
    let key: [UInt8]

    init(parameters: ScryptParameters, salt: [UInt8], key: [UInt8]) {
        self.parameters = parameters
        self.salt = salt
        self.key = key
    }

    init?(_ text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard
            parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt",
            let parameters = Self.parameters(parts[2]),
            let salt = Self.bytes(parts[3]), let key = Self.bytes(parts[4]), !salt.isEmpty, !key.isEmpty
        else { return nil }
        self.init(parameters: parameters, salt: salt, key: key)
    }

    var description: String {
        let cost = "ln=\(parameters.costExponent),r=\(parameters.blockSize),p=\(parameters.parallelism)"
        return "$scrypt$\(cost)$\(Self.base64(salt))$\(Self.base64(key))"
    }

    private static func parameters(_ text: Substring) -> ScryptParameters? {
        let values = text.split(separator: ",").map { $0.split(separator: "=") }
        guard
            values.map(\.first) == ["ln", "r", "p"],
            let cost = values[0].last.flatMap({ Int($0) }), let block = values[1].last.flatMap({ Int($0) }),
            let parallelism = values[2].last.flatMap({ Int($0) })
        else { return nil }
        let parameters = ScryptParameters(costExponent: cost, blockSize: block, parallelism: parallelism)
        return parameters.isReasonable ? parameters : nil
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        String(Data(bytes).base64EncodedString().prefix { $0 != "=" })
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return Data(base64Encoded: text + padding).map { Array($0) }
    }
}
