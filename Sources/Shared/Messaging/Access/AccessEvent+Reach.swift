package import Model

extension AccessEvent {
    /// Whether the event ends what this thing's key opened.
    func takesKey(of identity: ThingIdentity) -> Bool {
        switch self {
        case .thingRemoved(let thing), .keyChanged(let thing): thing == identity.thing
        case .tenantRemoved(let tenant): tenant == identity.tenant
        case .disconnected, .channelRemoved: false
        }
    }

    /// Whether the event takes this thing's right to use this channel.
    package func touches(_ identity: ThingIdentity, _ channel: ChannelID) -> Bool {
        switch self {
        case .thingRemoved(let removed): removed == identity.thing
        case .keyChanged: false
        case .disconnected(let thing, let cut): thing == identity.thing && cut == channel
        case .channelRemoved(let removed): removed == channel
        case .tenantRemoved(let tenant): tenant == identity.tenant
        }
    }
}
