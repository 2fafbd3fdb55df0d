package import HTTPSupport
internal import HTTPTypes
package import ThingsCore

/// The status table of contract 2.3, with the decisions of section 12.
extension ThingsError: ProblemConvertible {
    package var problem: Problem {
        switch self {
        case .malformed(let detail): .malformed(detail)
        case .unauthenticated: Problem(.forbidden, "missing or invalid credentials provided")
        case .notFound: Problem(.notFound, "non-existent entity")
        case .keyInUse: Problem(.unprocessableContent, "key already in use", detail: "another thing has this key")
        case .alreadyConnected:
            Problem(.unprocessableContent, "already connected", detail: "a thing and a channel are connected already")
        case .limitReached(let owned, let limit):
            Problem(
                .forbidden,
                "limit reached",
                detail: "that would be more \(owned) than an account may have: \(limit)"
            )
        case .changedMeanwhile:
            Problem(.preconditionFailed, "changed meanwhile", detail: "'If-Match' names another state than the present")
        case .unavailable: .unavailable()
        }
    }
}
