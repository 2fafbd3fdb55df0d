import MQTTCodec
import MQTTSession
import NIOCore
import Testing

/// What MQTT 5 clients are told in words.
@Suite struct ReasonTests {
    private let failures: [MQTTPacket] = [
        .puback(PublishAck(packetID: 1, reasonCode: .notAuthorized)),
        .pubrec(PublishAck(packetID: 1, reasonCode: .topicNameInvalid)),
        .pubrel(PublishAck(packetID: 1, reasonCode: .packetIdentifierNotFound)),
        .pubcomp(PublishAck(packetID: 1, reasonCode: .packetIdentifierNotFound)),
        .suback(Suback(packetID: 1, reasonCodes: [.grantedQoS1, .notAuthorized])),
        .unsuback(Unsuback(packetID: 1, reasonCodes: [.topicFilterInvalid])),
    ]
    private let ends: [MQTTPacket] = [
        .connack(Connack(reasonCode: .quotaExceeded)), .disconnect(Disconnect(reasonCode: .keepAliveTimeout)),
    ]

    private func reason(_ packet: MQTTPacket) -> String? {
        switch packet {
        case .connack(let packet): packet.properties.reasonString
        case .disconnect(let packet): packet.properties.reasonString
        case .puback(let packet), .pubrec(let packet), .pubrel(let packet), .pubcomp(let packet):
            packet.properties.reasonString
        case .suback(let packet): packet.properties.reasonString
        case .unsuback(let packet): packet.properties.reasonString
        default: nil
        }
    }

    @Test func everyFailureIsExplainedAndNothingElse() {
        for packet in failures + ends {
            #expect(reason(Client.connected().session.explained(packet))?.isEmpty == false)
        }
        let good: [MQTTPacket] = [
            .connack(Connack(reasonCode: .success)), .puback(PublishAck(packetID: 1)), .disconnect(Disconnect()),
            .suback(Suback(packetID: 1, reasonCodes: [.grantedQoS1])), .pingresp,
        ]
        for packet in good { #expect(Client.connected().session.explained(packet) == packet) }
    }

    @Test(arguments: [MQTTVersion.v3_1, .v3_1_1]) func earlierVersionsHaveNoWords(version: MQTTVersion) {
        for packet in failures + ends { #expect(Client.connected(version).session.explained(packet) == packet) }
    }

    /// [MQTT-3.1.2-29]
    @Test func whoDoesNotWantReasonsGetsThemWithTheEndAlone() {
        let client = Client.connected(properties: [.requestProblemInformation(false)])
        for packet in failures { #expect(client.session.explained(packet) == packet) }
        for packet in ends { #expect(reason(client.session.explained(packet)) != nil) }
    }

    /// [MQTT-3.2.2-19], [MQTT-3.14.2-3]
    @Test func aReasonThatDoesNotFitIsLeftOut() {
        let client = Client.connected(properties: [.maximumPacketSize(12)])
        for packet in failures + ends { #expect(client.session.explained(packet) == packet) }
    }
}
