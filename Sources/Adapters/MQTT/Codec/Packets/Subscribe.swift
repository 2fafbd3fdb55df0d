package import NIOCore

/// SUBSCRIBE (section 3.8).
package struct Subscribe: Equatable, Sendable {
    package var packetID: UInt16
    /// One or more.
    package var subscriptions: [Subscription]
    package var properties: MQTTProperties

    package init(packetID: UInt16, subscriptions: [Subscription], properties: MQTTProperties = []) {
        self.packetID = packetID
        self.subscriptions = subscriptions
        self.properties = properties
    }
}

extension Subscribe: MQTTPacketBody {
    init(from body: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        packetID = try body.readPacketID()
        properties = version == .v5 ? try MQTTProperties(from: &body, in: .subscribe) : []
        guard body.readableBytes > 0 else { throw .emptyList(.subscribe) }
        subscriptions = []
        while body.readableBytes > 0 {
            let filter = try body.readMQTTString()
            subscriptions.append(try Subscription(filter: filter, options: try body.readField(), version: version))
        }
    }

    package func bodyLength(version: MQTTVersion) -> Int {
        var length = 2
        if version == .v5 { length += properties.encodedLength }
        for subscription in subscriptions { length += 3 + subscription.filter.utf8.count }
        return length
    }

    package func writeBody(into buffer: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        buffer.writeInteger(packetID)
        if version == .v5 { try properties.write(into: &buffer) }
        for subscription in subscriptions {
            try buffer.writeMQTTString(subscription.filter)
            buffer.writeInteger(subscription.options(version: version))
        }
    }
}
