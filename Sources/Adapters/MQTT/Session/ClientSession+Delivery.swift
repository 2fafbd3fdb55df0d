package import MQTTCodec
package import NIOCore

// Messages to the client.
extension ClientSession {
    /// Messages that wait behind those in flight.
    package var queuedMessages: Int { outbound.queuedMessages }

    /// Whether a quarter of what may wait does: the rest is for what is on its way already.
    package var isQueueQuarterFull: Bool {
        outbound.queuedMessages > settings.maximumQueuedMessages / 4
            || outbound.queuedBytes > settings.maximumQueuedBytes / 4
    }

    /// Messages sent and not acknowledged.
    package var messagesInFlight: Int { outbound.inFlight.count }

    /// Whether the server uses topic aliases with this client.
    package var setsTopicAliases: Bool { outboundAliases.maximum > 0 }

    /// Messages that were too old when their turn came, and haven't been taken.
    package var expiredMessages: Int { outbound.expired }

    package mutating func takeExpiredMessages() -> Int {
        defer { outbound.expired = 0 }
        return outbound.expired
    }

    /// Delivers a QoS 1 or 2 message: at once while the window has room, else from the queue, in order.
    ///
    /// Identifier and DUP are set here. A message that waits keeps its buffers alive, so topic and payload had better not
    /// be slices of something larger. When it expires it isn't sent any more; the interval in it runs on until then. (QoS 0 the caller encodes once for all and writes itself, unless
    /// this client has topic aliases; here it is sent at once.)
    package mutating func deliver(
        _ publish: consuming Publish,
        expires: NIODeadline? = nil,
        into actions: inout [SessionAction]
    ) -> DeliveryResult {
        guard phase == .connected else { return .dropped(.notConnected) }
        guard fits(publish) else { return .dropped(.tooLargeForClient) }
        guard publish.qos != .atMostOnce else {
            send(publish, into: &actions)
            return .sent
        }
        guard outbound.hasRoom else {
            return outbound.enqueue(publish, expires: expires, settings: settings) ? .queued : .dropped(.queueFull)
        }
        send(outbound.begin(publish), into: &actions)
        return .sent
    }

    /// Delivers a QoS 1 message of a shared subscription, if it may be in flight now; when it is acknowledged ``SessionAction/settled(_:)``
    /// follows. What isn't when the session ends is others'.
    package mutating func deliver(
        _ publish: consuming Publish,
        shared place: SharedPlace,
        into actions: inout [SessionAction]
    ) -> DeliveryResult {
        guard phase == .connected else { return .dropped(.notConnected) }
        guard fits(publish) else { return .dropped(.tooLargeForClient) }
        guard outbound.hasRoom else { return .dropped(.queueFull) }
        let publish = outbound.begin(publish)
        outbound.shared[publish.packetID] = place
        send(publish, into: &actions)
        return .sent
    }

    mutating func send(_ publish: consuming Publish, into actions: inout [SessionAction]) {
        var aliased = publish
        if setsTopicAliases, fits(aliased, spare: Self.aliasLength) { outboundAliases.apply(to: &aliased) }
        actions.append(.send(.publish(aliased)))
    }

    /// Most bytes that a topic alias adds: the property, and a longer length before it.
    private static let aliasLength = 5

    func fits(_ publish: borrowing Publish, spare: Int = 0) -> Bool {
        guard clientMaximumPacketSize != .max else { return true }
        let length = Publish.encodedLength(
            topicLength: publish.topic.readableBytes,
            payloadLength: publish.payload.readableBytes,
            qos: publish.qos,
            version: version,
            properties: publish.properties
        )
        return length + spare <= clientMaximumPacketSize
    }

    mutating func receivedPuback(_ ack: PublishAck, into actions: inout [SessionAction]) {
        switch outbound.inFlight[ack.packetID] {
        case .puback: finish(ack.packetID, into: &actions)
        case .pubrec, .pubcomp: violate(.protocolError, into: &actions)
        case nil: break
        }
    }

    mutating func receivedPubrec(_ ack: PublishAck, into actions: inout [SessionAction]) {
        switch outbound.inFlight[ack.packetID] {
        // A failure ends the exchange [MQTT-4.3.3-4].
        case .pubrec where ack.reasonCode.isFailure: finish(ack.packetID, into: &actions)
        case .pubrec, .pubcomp:
            outbound.inFlight[ack.packetID] = .pubcomp
            keepThis()
            send(.pubrel(PublishAck(packetID: ack.packetID)), into: &actions)
        case .puback: violate(.protocolError, into: &actions)
        // A failure of a message that isn't known needs no answer.
        case nil where ack.reasonCode.isFailure: break
        case nil: send(.pubrel(unknown(ack)), into: &actions)
        }
    }

    mutating func receivedPubcomp(_ ack: PublishAck, into actions: inout [SessionAction]) {
        switch outbound.inFlight[ack.packetID] {
        case .pubcomp: finish(ack.packetID, into: &actions)
        case .puback, .pubrec: violate(.protocolError, into: &actions)
        case nil: break
        }
    }

    /// Frees the identifier and sends what waits.
    private mutating func finish(_ id: UInt16, into actions: inout [SessionAction]) {
        outbound.inFlight[id] = nil
        outbound.log?.finished(id)
        if !outbound.shared.isEmpty, let place = outbound.shared.removeValue(forKey: id) {
            actions.append(.settled(place))
        }
        while outbound.hasRoom, let next = outbound.dequeue(at: lastHeard) {
            send(outbound.begin(next), into: &actions)
        }
    }
}
