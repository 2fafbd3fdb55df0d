/// Why the users service says no.
package enum UsersError: Error, Equatable {
    /// What was sent breaks a rule; the text says which.
    case malformed(String)
    /// A password or token is missing or wrong, or whom it names isn't there; which of these isn't told.
    case invalidCredentials
    case emailTaken
    /// Tried too often; after this time the next attempt is looked at.
    case tooManyAttempts(retryAfter: Duration)
    /// More passwords wait to be checked than should.
    case busy
    /// What is needed is out of reach: the same call may succeed later.
    case unavailable(String)
    /// Our own fault; the text is for the log only.
    case failed(String)
}
