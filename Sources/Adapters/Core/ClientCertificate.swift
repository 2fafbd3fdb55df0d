package import Model

/// What a connection's client certificate says of who it is (contract section 6: its common name is a thing's key).
package enum ClientCertificate: Sendable, Equatable {
    /// None was asked for: the client shows a key.
    case notAsked
    case key(ThingKey)
    /// Signed by one we trust, but it names no thing.
    case unusable(Refusal)
}

/// A key that a client shows in a header, a query or an MQTT password.
package enum ShownKey: Sendable, Equatable {
    case none
    case key(ThingKey)
    /// What is shown can't be a key.
    case unreadable

    package init(_ key: ThingKey?) { self = key.map { .key($0) } ?? .unreadable }
}

extension ClientCertificate {
    /// The one key that all that was shown agrees on: with a certificate its own, and whatever is shown beside must be the
    /// same; without one the first that is shown.
    package func key(besides shown: [ShownKey]) -> Result<ThingKey, Refusal> {
        switch self {
        case .notAsked:
            switch shown.first(where: { $0 != .none }) {
            case .key(let key): .success(key)
            case .unreadable: .failure(.notAuthorized)
            case .some(.none), nil: .failure(.missingKey)
            }
        case .key(let key):
            // Keys compare in constant time.
            shown.allSatisfy { $0 == .none || $0 == .key(key) } ? .success(key) : .failure(.keyMismatch)
        case .unusable(let reason):
            .failure(reason)
        }
    }
}
