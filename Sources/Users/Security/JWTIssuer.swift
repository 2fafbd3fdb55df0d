internal import FoundationEssentials
internal import JWTKit
package import Model
package import UsersCore

/// Tokens as JSON Web Tokens, signed with HMAC-SHA-256 (contract 1.5): claims `iss`, `sub`, `iat`, `exp`, and of our
/// own the account's id and the generation of its password.
package struct JWTIssuer: TokenIssuer {
    /// Longest token that is looked at.
    private static let maximumBytes = 4096
    private static let issuer = "mainflux"

    private let keys: JWTKeyCollection

    /// - Parameter secret: `MF_USERS_SECRET`; its UTF-8 bytes are the key.
    package init(secret: Secret) async {
        // HMAC fills short keys up with zeros (RFC 2104); done here, because the library traps on them in debug builds.
        var key = Array(secret.revealed.utf8)
        while key.count < 32 { key.append(0) }
        self.keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: key), digestAlgorithm: .sha256)
    }

    package func issue(_ claims: TokenClaims) async throws(UsersError) -> Secret {
        let payload = Payload(
            iss: Self.issuer,
            sub: claims.email,
            iat: claims.issued,
            exp: claims.expires,
            account: claims.account.description,
            generation: claims.generation
        )
        do {
            return Secret(try await keys.sign(payload))
        } catch {
            throw .failed("a token can't be signed: \(error)")
        }
    }

    package func read(_ token: Secret) async -> TokenClaims? {
        let text = token.revealed
        guard
            text.utf8.count <= Self.maximumBytes,
            // The signer knows one algorithm, and would take its signature under any other's name.
            let header = try? DefaultJWTParser().parse(Array(text.utf8), as: Payload.self).header,
            header.alg == "HS256",
            let payload = try? await keys.verify(text, as: Payload.self),
            payload.iss == Self.issuer,
            let account = Account.ID(payload.account)
        else { return nil }
        return TokenClaims(
            account: account,
            email: payload.sub,
            generation: payload.generation,
            issued: payload.iat,
            expires: payload.exp
        )
    }

    private struct Payload: JWTPayload {
        let iss: String
        let sub: String
        let iat: Int64
        let exp: Int64
        let account: String
        let generation: Int64

        /// Time is judged by the service, on its own clock.
        func verify(using algorithm: some JWTAlgorithm) {}
    }
}
