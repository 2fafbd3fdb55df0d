package import MQTTCodec
import NIOCore

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

    /// Delivers a QoS 1 or 2 message: at once while the window has room, else from the queue, in order.
    ///
    /// Identifier and DUP are set here. A message that waits keeps its buffers alive, so topic and payload had better not
    /// be slices of something larger. (QoS 0 the caller encodes once for all and writes itself; here it is sent as it is.)
    package mutating func deliver(_ publish: consuming Publish, into actions: inout [SessionAction]) -> DeliveryResult {
        guard phase == .connected else { return .dropped(.notConnected) }
        guard fits(publish) else { return .dropped(.tooLargeForClient) }
        guard publish.qos != .atMostOnce else {
            actions.append(.send(.publish(publish)))
            return .sent
        }
        guard outbound.hasRoom else {
            return outbound.enqueue(publish, settings: settings) ? .queued : .dropped(.queueFull)
        }
        actions.append(.send(.publish(outbound.begin(publish))))
        return .sent
    }

    private func fits(_ publish: borrowing Publish) -> Bool {
        guard clientMaximumPacketSize != .max else { return true }
        let length = Publish.encodedLength(
            topicLength: publish.topic.readableBytes,
            payloadLength: publish.payload.readableBytes,
            qos: publish.qos,
            version: version,
            properties: publish.properties
        )
        return length <= clientMaximumPacketSize
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
        while outbound.hasRoom, let next = outbound.dequeue() {
            actions.append(.send(.publish(outbound.begin(next))))
        }
    }
}
