/// A right that has been taken away. Whoever caches decisions drops those it touches and ends what lives by them.
package enum AccessEvent: Sendable, Hashable {
    /// The thing is gone.
    case thingRemoved(Thing.ID)
    /// The thing has another key: what was opened with the old one ends.
    case keyChanged(Thing.ID)
    /// The thing may no longer use the channel.
    case disconnected(Thing.ID, Channel.ID)
    /// The channel is gone, for every thing.
    case channelRemoved(Channel.ID)
    /// The account is gone, with all its things and channels.
    case tenantRemoved(Tenant.ID)
}
