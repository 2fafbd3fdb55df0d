import AdaptersCore
import MQTTCodec
import Messaging
import Model
import NIOCore
import NIOEmbedded
import TestSupport

@testable import AdapterTransport
@testable import MQTTAdapter

/// The MQTT adapter on one loop, with a thing that is connected to one channel.
final class MQTTServer {
    let test: TestLoop
    let component: MQTTComponent
    let identity: ThingIdentity
    let key: ThingKey
    let channel: ChannelID

    init(
        _ test: TestLoop = TestLoop(),
        registry: ClientRegistry = ClientRegistry(),
        maximumMessage: Int = 1_000,
        maximumQueue: Int = 100_000,
        maximumSubscriptions: Int = 10,
        idleTimeout: UInt64? = nil
    ) {
        self.test = test
        component = MQTTComponent(
            loop: test.loop,
            limits: MQTTLimits(
                maximumMessage: maximumMessage,
                maximumQueue: maximumQueue,
                maximumSubscriptions: maximumSubscriptions,
                connectTimeout: .seconds(10),
                idleTimeout: idleTimeout
            ),
            registry: registry
        )
        test.loop.add(component)
        channel = .random()
        (identity, key) = test.rights.addThing()
        test.rights.connect(identity, channel)
    }

    var base: String { "channels/\(channel)/messages" }

    /// A client that has sent nothing yet.
    func open(_ version: MQTTVersion = .v3_1_1, _ certificate: ClientCertificate = .notAsked) throws -> MQTTPeer {
        let connection = try TestChannel(test)
        try connection.channel.pipeline.syncOperations.addHandler(
            MQTTConnection(component: component, peer: ConnectionPeer(certificate))
        )
        return MQTTPeer(connection, key: key, version)
    }

    /// A client that is logged in.
    func client(
        _ version: MQTTVersion = .v3_1_1,
        id: String = "",
        key: ThingKey? = nil,
        keepAlive: UInt16 = 0,
        will: Will? = nil,
        properties: MQTTProperties = []
    ) throws -> MQTTPeer {
        let peer = try open(version)
        try peer.send(
            peer.connect(id: id, key: key ?? self.key, keepAlive: keepAlive, will: will, properties: properties)
        )
        guard case .connack(let connack)? = try peer.packets().first, connack.reasonCode == .success else {
            throw MQTTCodecError.connectExpected
        }
        return peer
    }

    func topic(_ subtopic: String = "", type: String = "") throws -> Topic {
        try Topic(channel: channel, subtopic: Subtopic(subtopic[...]), contentType: type)
    }
}

/// An MQTT client.
final class MQTTPeer {
    let connection: TestChannel
    let version: MQTTVersion
    private let key: ThingKey
    private var decoder: MQTTDecoder
    private var unread = ByteBuffer()

    init(_ connection: TestChannel, key: ThingKey, _ version: MQTTVersion) {
        self.connection = connection
        self.key = key
        self.version = version
        decoder = MQTTDecoder(maximumPacketSize: 1 << 24, clientVersion: version)
    }

    // MARK: Packets

    func connect(
        id: String = "",
        key: ThingKey? = nil,
        userName: String? = nil,
        keepAlive: UInt16 = 0,
        will: Will? = nil,
        properties: MQTTProperties = []
    ) -> MQTTPacket {
        .connect(
            Connect(
                version: version,
                clientID: id,
                keepAlive: keepAlive,
                will: will,
                // Before MQTT 5 there is no password without a user name [MQTT-3.1.2-22 of 3.1.1].
                userName: userName ?? (version == .v5 ? nil : ""),
                password: ByteBuffer(string: (key ?? self.key).secret.revealed),
                properties: properties
            )
        )
    }

    func publish(
        _ text: String,
        to topic: String,
        qos: MQTTQoS = .atMostOnce,
        id: UInt16 = 0,
        dup: Bool = false,
        properties: MQTTProperties = []
    ) -> MQTTPacket {
        .publish(
            Publish(
                topic: ByteBuffer(string: topic),
                payload: ByteBuffer(string: text),
                qos: qos,
                dup: dup,
                packetID: id,
                properties: properties
            )
        )
    }

    func bytes(_ packets: MQTTPacket...) throws -> ByteBuffer { try encode(packets) }

    private func encode(_ packets: [MQTTPacket]) throws -> ByteBuffer {
        var bytes = ByteBuffer()
        for packet in packets { try packet.encode(into: &bytes, version: version) }
        return bytes
    }

    func send(_ packets: MQTTPacket...) throws { try connection.receive(encode(packets)) }

    func packets() throws -> [MQTTPacket] {
        unread.writeImmutableBuffer(try connection.sent())
        var packets: [MQTTPacket] = []
        // Without Reason Strings, which only other tests look at.
        while let packet = try decoder.next(in: &unread) { packets.append(packet.with(reason: nil)) }
        return packets
    }

    // MARK: In short

    func subscribe(_ filters: (String, MQTTQoS)..., noLocal: Bool = false) throws -> [MQTTReasonCode] {
        let subscriptions = filters.map { Subscription(filter: $0.0, qos: $0.1, noLocal: noLocal) }
        try send(.subscribe(Subscribe(packetID: 1, subscriptions: subscriptions)))
        for case .suback(let suback) in try packets() { return suback.reasonCodes }
        return []
    }

    /// The messages that have come since the last call.
    func messages() throws -> [Received] {
        try packets().compactMap { if case .publish(let publish) = $0 { Received(publish) } else { nil } }
    }

    func texts() throws -> [String] { try messages().map(\.text) }

    /// The reason of the DISCONNECT that came last.
    func disconnectReason() throws -> MQTTReasonCode? {
        if case .disconnect(let disconnect)? = try packets().last { disconnect.reasonCode } else { nil }
    }

    struct Received: Equatable {
        var topic: String
        var text: String
        var qos: MQTTQoS

        init(_ publish: Publish) {
            topic = String(buffer: publish.topic)
            text = String(buffer: publish.payload)
            qos = publish.qos
        }
    }
}
