package import Model

/// Who knows the users: the users service.
package protocol UserDirectory: Sendable {
    /// The account that the token was issued to. Throws ``ThingsError/unauthenticated`` if it is nobody's (any more), and
    /// ``ThingsError/unavailable`` if that can't be found out: an outage is no refusal.
    func identify(_ token: Secret) async throws -> Account.ID
}
