import FluxgateClient
import MQTTCodec
import NIOCore
import NIOHTTP1
import Testing

@Suite struct MQTTClientTests {
    @Test func sendsWithTheKeyAndTheContentType() async throws {
        let packets = Recorder<MQTTPacket>()

        try await withMQTTStub { packet in
            packets.record(packet)
            return switch packet {
            case .connect: [.connack(Connack(reasonCode: .success))]
            case .publish(let publish): [.pingresp, .puback(PublishAck(packetID: publish.packetID))]
            default: []
            }
        } _: {
            try await MessageTarget.at($0).send(.sample("payload", subtopic: "a/b", type: "text/x"))
        }

        guard case .connect(let connect) = packets.all.first, case .publish(let publish) = packets.all.dropFirst().first
        else { return #expect(Bool(false), "\(packets.all)") }
        #expect(connect.version == .v5)
        #expect(connect.password == ByteBuffer(string: "key-number-1"))
        #expect(String(buffer: publish.topic) == "channels/\(MessageTarget.channelOfTests)/messages/a/b")
        #expect(String(buffer: publish.payload) == "payload")
        #expect(publish.properties.contentType == "text/x")
        #expect(publish.qos == .atLeastOnce)
    }

    @Test(arguments: [
        (MQTTReasonCode.badUserNameOrPassword, CommandStatus.notAuthorized), (.serverUnavailable, .unavailable),
        (.unsupportedProtocolVersion, .protocolError),
    ])
    func aConnectThatIsRefusedIsTold(_ code: MQTTReasonCode, expected: CommandStatus) async throws {
        try await withMQTTStub { _ in
            [.connack(Connack(reasonCode: code))]
        } _: { address in
            await #expect {
                try await MessageTarget.at(address).send(.sample())
            } throws: {
                isFailure(expected, $0) && !"\($0)".contains("key-number-1")
            }
        }
    }

    @Test(arguments: [
        (MQTTReasonCode.notAuthorized, CommandStatus.notAuthorized), (.topicNameInvalid, .badInput),
        (.implementationSpecificError, .unavailable),
    ])
    func aMessageThatIsNotTakenIsTold(_ code: MQTTReasonCode, expected: CommandStatus) async throws {
        try await withMQTTStub { packet in
            switch packet {
            case .connect: [.connack(Connack(reasonCode: .success))]
            case .publish(let publish): [.puback(PublishAck(packetID: publish.packetID, reasonCode: code))]
            default: []
            }
        } _: { address in
            await #expect {
                try await MessageTarget.at(address).send(.sample())
            } throws: {
                isFailure(expected, $0)
            }
        }
    }

    @Test func aMessageWithoutSubscribersIsSentAllTheSame() async throws {
        try await withMQTTStub { packet in
            switch packet {
            case .connect: [.connack(Connack(reasonCode: .success))]
            case .publish(let publish):
                [.puback(PublishAck(packetID: publish.packetID, reasonCode: .noMatchingSubscribers))]
            default: []
            }
        } _: {
            try await MessageTarget.at($0).send(.sample())
        }
    }

    @Test func watchesAndAcknowledges() async throws {
        let packets = Recorder<MQTTPacket>()
        let topic = ByteBuffer(string: "t")

        let messages = try await withMQTTStub { packet in
            packets.record(packet)
            return switch packet {
            case .connect: [.connack(Connack(reasonCode: .success))]
            case .subscribe(let subscribe):
                [
                    .suback(Suback(packetID: subscribe.packetID, reasonCodes: [.grantedQoS1])),
                    .publish(Publish(topic: topic, payload: ByteBuffer(string: "one"))),
                    .publish(
                        Publish(topic: topic, payload: ByteBuffer(string: "two"), qos: .atLeastOnce, packetID: 7)
                    ),
                ]
            case .puback(let ack):
                [.publish(Publish(topic: topic, payload: ByteBuffer(string: "after \(ack.packetID)")))]
            default: []
            }
        } _: { address in
            try await watch("a/>", at: address, until: 3)
        }

        #expect(messages == ["one", "two", "after 7"])
        guard case .subscribe(let subscribe) = packets.all.dropFirst().first else {
            return #expect(Bool(false), "\(packets.all)")
        }
        #expect(subscribe.subscriptions.map(\.filter) == ["channels/\(MessageTarget.channelOfTests)/messages/a/+/#"])
    }

    @Test func aSubscriptionThatIsCutIsTold() async throws {
        try await withMQTTStub { packet in
            switch packet {
            case .connect: [.connack(Connack(reasonCode: .success))]
            case .subscribe(let subscribe):
                [
                    .suback(Suback(packetID: subscribe.packetID, reasonCodes: [.grantedQoS1])),
                    .disconnect(Disconnect(reasonCode: .notAuthorized)),
                ]
            default: []
            }
        } _: { address in
            await #expect {
                try await watch(at: address, until: 1)
            } throws: {
                isFailure(.notAuthorized, $0)
            }
        }
    }

    @Test func aServerThatSpeaksNoMQTTIsAProtocolError() async throws {
        try await withHTTPStub { _ in
            (.ok, "")
        } _: { http in
            let address = try #require(ServiceAddress("mqtt://127.0.0.1:\(http.port)"))
            await #expect {
                try await MessageTarget.at(address).send(.sample())
            } throws: {
                isFailure(.protocolError, $0) || isFailure(.unavailable, $0)
            }
        }
    }
}
