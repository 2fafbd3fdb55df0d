import JWTKit
import Model
import Testing
import UsersCore
import UsersSecurity

@Suite struct ScryptHasherTests {
    static let cheap = ScryptParameters(costExponent: 4, blockSize: 8, parallelism: 1)
    private let hasher = ScryptHasher(parameters: cheap, threads: 1, waitingLimit: 8)

    @Test func knowsThePasswordAgain() async throws {
        let hash = try await hasher.hash(Secret("correct horse"))

        #expect(hash.revealed.hasPrefix("$scrypt$ln=4,r=8,p=1$"))
        #expect(try await hasher.verify(Secret("correct horse"), against: hash))
        #expect(try await !hasher.verify(Secret("correct horsf"), against: hash))
        #expect(try await !hasher.verify(Secret(""), against: hash))
        #expect(try await !hasher.verify(Secret("correct horse"), against: nil))
    }

    @Test func looksAtEveryByteOfALongPassword() async throws {
        let long = String(repeating: "x", count: 1023)
        let hash = try await hasher.hash(Secret(long + "a"))

        #expect(try await hasher.verify(Secret(long + "a"), against: hash))
        #expect(try await !hasher.verify(Secret(long + "b"), against: hash))
    }

    @Test func neverMakesTheSameHashTwice() async throws {
        let (first, second) = (try await hasher.hash(Secret("same")), try await hasher.hash(Secret("same")))

        #expect(first != second)
    }

    /// The second vector of RFC 7914 section 12, cut to our length.
    @Test func agreesWithTheStandard() async throws {
        let hash = Secret("$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWI")

        #expect(try await hasher.verify(Secret("password"), against: hash))
    }

    @Test func verifiesHashesOfOtherParameters() async throws {
        let other = ScryptHasher(
            parameters: .init(costExponent: 5, blockSize: 4, parallelism: 2),
            threads: 2,
            waitingLimit: 8
        )
        let hash = try await other.hash(Secret("correct horse"))

        #expect(try await hasher.verify(Secret("correct horse"), against: hash))
    }

    @Test(arguments: [
        "", "plain", "$scrypt$", "$scrypt$ln=4,r=8,p=1$$", "$scrypt$ln=63,r=8,p=1$YWFh$YWFh",
        "$scrypt$ln=4,r=8$YWFh$YWFh", "$scrypt$ln=4,r=8,p=0$YWFh$YWFh", "$scrypt$ln=4,r=8,p=1$*$YWFh",
        "$bcrypt$ln=4,r=8,p=1$YWFh$YWFh",
    ])
    func aStoredHashThatCanNotBeReadIsOurFault(_ hash: String) async throws {
        await #expect(throws: UsersError.failed("a stored password hash can't be read")) {
            try await hasher.verify(Secret("x"), against: Secret(hash))
        }
    }

    @Test func refusesMoreThanMayWait() async throws {
        let slow = ScryptHasher(
            parameters: .init(costExponent: 12, blockSize: 8, parallelism: 1),
            threads: 1,
            waitingLimit: 2
        )

        let outcomes = await withTaskGroup { group in
            for _ in 0..<50 {
                group.addTask {
                    do throws(UsersError) {
                        _ = try await slow.hash(Secret("x"))
                        return UsersError?.none
                    } catch {
                        return error
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }

        #expect(outcomes.contains(.busy))
        #expect(outcomes.contains(nil))
        #expect(try await slow.verify(Secret("x"), against: nil) == false)
    }
}

@Suite struct JWTIssuerTests {
    private let claims = TokenClaims(
        account: .random(),
        email: "jane@example.com",
        generation: 7,
        issued: 100,
        expires: 200
    )
    private let key = HMACKey(from: Array("the right secret".utf8) + Array(repeating: 0, count: 48))

    @Test func readsWhatItHasIssued() async throws {
        let issuer = await JWTIssuer(secret: Secret("the right secret"))

        let token = try await issuer.issue(claims)

        #expect(await issuer.read(token) == claims)
        #expect(await JWTIssuer(secret: Secret("the wrong secret")).read(token) == nil)
    }

    @Test func refusesEveryTokenThatWasTouched() async throws {
        let issuer = await JWTIssuer(secret: Secret("the right secret"))
        let token = try await issuer.issue(claims).revealed

        for length in 0..<token.utf8.count {
            #expect(await issuer.read(Secret(String(token.prefix(length)))) == nil)
        }
        for part in token.split(separator: ".") { #expect(await issuer.read(Secret(String(part))) == nil) }
        #expect(await issuer.read(Secret(token + "." + token)) == nil)
        #expect(await issuer.read(Secret(String(repeating: "a.", count: 100_000))) == nil)
    }

    @Test(arguments: [
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.", "..", "a.b.c", "é.é.é", "\u{0}.\u{0}.\u{0}", "e30.e30.e30",
        "eyJhbGciOiJIUzI1NiJ9.bm90IGpzb24.AAAA",
    ])
    func refusesWhatIsNoToken(_ text: String) async {
        #expect(await JWTIssuer(secret: Secret("the right secret")).read(Secret(text)) == nil)
    }

    @Test func refusesOtherAlgorithmsOfTheSameKey() async throws {
        let issuer = await JWTIssuer(secret: Secret("the right secret"))
        let sha256 = await JWTKeyCollection().add(hmac: key, digestAlgorithm: .sha256)
        let sha512 = await JWTKeyCollection().add(hmac: key, digestAlgorithm: .sha512)
        let payload = ForeignPayload(claims)

        #expect(await issuer.read(Secret(try await sha256.sign(payload))) == claims)
        #expect(await issuer.read(Secret(try await sha512.sign(payload))) == nil)
        #expect(await issuer.read(Secret(try await sha256.sign(payload, header: ["alg": "none"]))) == nil)
        #expect(await issuer.read(Secret(try await sha256.sign(payload, header: ["alg": "HS512"]))) == nil)
    }

    @Test func refusesOtherIssuersAndIncompleteClaims() async throws {
        let issuer = await JWTIssuer(secret: Secret("the right secret"))
        let keys = await JWTKeyCollection().add(hmac: key, digestAlgorithm: .sha256)

        #expect(await issuer.read(Secret(try await keys.sign(ForeignPayload(claims, issuer: "someone")))) == nil)
        #expect(await issuer.read(Secret(try await keys.sign(ForeignPayload(claims, account: "no id")))) == nil)
        #expect(await issuer.read(Secret(try await keys.sign(ForeignPayload(claims, subject: nil)))) == nil)
    }

    /// What somebody else who knows the secret could sign.
    private struct ForeignPayload: JWTPayload {
        var iss: String
        var sub: String?
        var iat: Int64
        var exp: Int64
        var account: String
        var generation: Int64

        init(
            _ claims: TokenClaims,
            issuer: String = "mainflux",
            account: String? = nil,
            subject: String? = "jane@example.com"
        ) {
            self.iss = issuer
            self.sub = subject
            self.iat = claims.issued
            self.exp = claims.expires
            self.account = account ?? claims.account.description
            self.generation = claims.generation
        }

        func verify(using algorithm: some JWTAlgorithm) {}
    }
}
