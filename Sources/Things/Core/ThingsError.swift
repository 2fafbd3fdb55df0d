/// Why a request about things and channels can't be fulfilled; the caller can act on each.
package enum ThingsError: Error, Equatable {
    /// A field isn't what it has to be; the sentence is for the caller.
    case malformed(String)
    /// The token is nobody's.
    case unauthenticated
    /// There is no such thing, channel or connection, or it belongs to someone else.
    case notFound
    /// Another thing, anybody's, has this key.
    case keyInUse
    /// The thing and the channel are connected already.
    case alreadyConnected
    /// There would be more of these than a tenant may own.
    case limitReached(Owned, Int)
    /// It has changed since the caller looked (RFC 9110 section 13.1.1).
    case changedMeanwhile
    /// The database or the user directory can't be reached: the same request may succeed later.
    case unavailable
}
