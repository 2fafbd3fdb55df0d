package import NIOCore

/// UNSUBSCRIBE (section 3.10).
package struct Unsubscribe: Equatable, Sendable {
    package var packetID: UInt16
    /// One or more, none of them empty.
    package var filters: [String]
    package var properties: MQTTProperties

    package init(packetID: UInt16, filters: [String], properties: MQTTProperties = []) {
        self.packetID = packetID
        self.filters = filters
        self.properties = properties
    }
}

extension Unsubscribe: MQTTPacketBody {
    init(from body: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        packetID = try body.readPacketID()
        properties = version == .v5 ? try MQTTProperties(from: &body, in: .unsubscribe) : []
        guard body.readableBytes > 0 else { throw .emptyList(.unsubscribe) }
        filters = []
        while body.readableBytes > 0 {
            let filter = try body.readMQTTString()
            guard !filter.isEmpty else { throw .emptyTopicFilter }
            filters.append(filter)
        }
    }

    package func bodyLength(version: MQTTVersion) -> Int {
        var length = 2
        if version == .v5 { length += properties.encodedLength }
        for filter in filters { length += 2 + filter.utf8.count }
        return length
    }

    package func writeBody(into buffer: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        buffer.writeInteger(packetID)
        if version == .v5 { try properties.write(into: &buffer) }
        for filter in filters { try buffer.writeMQTTString(filter) }
    }
}
