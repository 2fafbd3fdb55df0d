internal import Crypto
internal import CryptoExtras
internal import Dispatch
internal import FoundationEssentials
package import Model
internal import Synchronization
package import UsersCore

/// Passwords as scrypt (RFC 7914) hashes in the form `$scrypt$ln=14,r=8,p=5$<salt>$<hash>`.
///
/// The work is done on threads of its own, a few at a time, and only so many may wait: a flood of log-ins takes neither
/// the processor from everybody else nor memory without end.
package final class ScryptHasher: PasswordHasher {
    private let parameters: ScryptParameters
    private let lanes: [DispatchQueue]
    private let waitingLimit: Int
    private let load: Mutex<Load>
    private let decoy: ScryptHash

    private struct Load {
        var waiting = 0
        var nextLane = 0
    }

    /// - Parameters:
    ///   - threads: passwords that are worked on at a time.
    ///   - waitingLimit: passwords in work or waiting; more are refused as ``UsersError/busy``.
    package init(parameters: ScryptParameters = .recommended, threads: Int, waitingLimit: Int) {
        self.parameters = parameters
        self.lanes = (0..<max(1, threads)).map { DispatchQueue(label: "passwords-\($0)") }
        self.waitingLimit = waitingLimit
        self.load = Mutex(Load())
        self.decoy = ScryptHash(parameters: parameters, salt: Self.randomBytes(16), key: Self.randomBytes(32))
    }

    package func hash(_ password: Secret) async throws(UsersError) -> Secret {
        let salt = Self.randomBytes(16)
        let key = try await derive(password, parameters, salt)
        return Secret(ScryptHash(parameters: parameters, salt: salt, key: key).description)
    }

    package func verify(_ password: Secret, against hash: Secret?) async throws(UsersError) -> Bool {
        guard let hash else {
            _ = try await matches(password, decoy)
            return false
        }
        guard let expected = ScryptHash(hash.revealed) else { throw .failed("a stored password hash can't be read") }
        return try await matches(password, expected)
    }

    private func matches(_ password: Secret, _ hash: ScryptHash) async throws(UsersError) -> Bool {
        let key = try await derive(password, hash.parameters, hash.salt)
        return constantTimeEquals(key, hash.key)
    }

    private func derive(
        _ password: Secret,
        _ parameters: ScryptParameters,
        _ salt: [UInt8]
    ) async throws(UsersError) -> [UInt8] {
        let lane = try enter()
        let result: Result<[UInt8], UsersError> = await withCheckedContinuation { continuation in
            lane.async {
                continuation.resume(returning: Self.work(password, parameters, salt))
            }
        }
        load.withLock { $0.waiting -= 1 }
        return try result.get()
    }

    private func enter() throws(UsersError) -> DispatchQueue {
        let lane: Int? = load.withLock { load in
            guard load.waiting < waitingLimit else { return nil }
            load.waiting += 1
            load.nextLane = (load.nextLane + 1) % lanes.count
            return load.nextLane
        }
        guard let lane else { throw .busy }
        return lanes[lane]
    }

    private static func work(
        _ password: Secret,
        _ parameters: ScryptParameters,
        _ salt: [UInt8]
    ) -> Result<[UInt8], UsersError> {
        // The library can't take an empty array; no password is empty.
        guard !password.revealed.isEmpty else { return .success([]) }
        do {
            let key = try KDF.Scrypt.deriveKey(
                from: Array(password.revealed.utf8),
                salt: salt,
                outputByteCount: 32,
                rounds: 1 << parameters.costExponent,
                blockSize: parameters.blockSize,
                parallelism: parameters.parallelism
            )
            return .success(key.withUnsafeBytes { Array($0) })
        } catch {
            return .failure(.failed("scrypt: \(error)"))
        }
    }

    private static func randomBytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
