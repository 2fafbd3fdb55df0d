/// Everything that the service keeps.
package struct ThingsRepositories: Sendable {
    package let things: any ThingRepository
    package let channels: any ChannelRepository
    package let connections: any ConnectionRepository
    package let access: any AccessRepository
    package let outbox: any EventOutbox

    package init(
        things: any ThingRepository,
        channels: any ChannelRepository,
        connections: any ConnectionRepository,
        access: any AccessRepository,
        outbox: any EventOutbox
    ) {
        self.things = things
        self.channels = channels
        self.connections = connections
        self.access = access
        self.outbox = outbox
    }
}
