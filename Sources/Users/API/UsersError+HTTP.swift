package import HTTPSupport
internal import HTTPTypes
package import UsersCore

/// The status table of contract 1.2, with the decisions of section 12.
extension UsersError: ProblemConvertible {
    package var problem: Problem {
        switch self {
        case .malformed(let detail): .malformed(detail)
        case .invalidCredentials: Problem(.forbidden, "missing or invalid credentials provided")
        case .emailTaken: Problem(.conflict, "email already taken", detail: "there is an account with this e-mail")
        case .tooManyAttempts(let wait): .tooManyRequests(retryAfter: Self.wholeSeconds(wait))
        case .busy, .unavailable: .unavailable()
        case .failed: .internalError
        }
    }

    private static func wholeSeconds(_ duration: Duration) -> Int {
        let (seconds, rest) = duration.components
        return max(1, Int(seconds) + (rest > 0 ? 1 : 0))
    }
}
