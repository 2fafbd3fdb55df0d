import MQTTCodec
import NIOCore
import Testing

@Suite struct RoundTripTests {
    struct Route: CustomTestStringConvertible {
        let version: MQTTVersion
        let role: MQTTRole
        let type: MQTTPacketType

        var testDescription: String { "\(type) to \(role) in \(version)" }

        static let all = MQTTVersion.allCases.flatMap { version in
            [MQTTRole.server, .client].flatMap { role in
                PacketGenerator.types(for: role, version: version).map { Route(version: version, role: role, type: $0) }
            }
        }
    }

    @Test(arguments: Route.all)
    func everyPacketComesBackAsItWasSent(_ route: Route) throws {
        var generator = PacketGenerator(version: route.version, seed: 1)
        for _ in 0..<200 {
            let packet = generator.packet(route.type, for: route.role)
            var bytes = try packet.encoded(route.version)
            var decoder = try MQTTDecoder.connected(route.version, role: route.role)

            #expect(packet.encodedLength(version: route.version) == bytes.readableBytes)
            #expect(try decoder.next(in: &bytes) == packet)
            #expect(bytes.readableBytes == 0)
        }
    }

    @Test(arguments: MQTTVersion.allCases)
    func connectComesBackAsItWasSentAndTellsTheVersion(_ version: MQTTVersion) throws {
        var generator = PacketGenerator(version: version, seed: 2)
        for _ in 0..<300 {
            let packet = generator.packet(.connect)
            var bytes = try packet.encoded(version)
            var decoder = MQTTDecoder(maximumPacketSize: 1 << 20)

            #expect(packet.encodedLength(version: version) == bytes.readableBytes)
            #expect(try decoder.next(in: &bytes) == packet)
            #expect(decoder.version == version)
        }
    }

    @Test(arguments: [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
    func everyLengthOfTheRemainingLengthIsReadBack(_ payloadLength: Int) throws {
        let payload = ByteBuffer(repeating: 7, count: payloadLength)
        let packet = MQTTPacket.publish(Publish(topic: ByteBuffer(string: "t"), payload: payload))
        var bytes = try packet.encoded(.v5)
        var decoder = try MQTTDecoder.connected(.v5, maximumPacketSize: 1 << 24)

        #expect(packet.encodedLength(version: .v5) == bytes.readableBytes)
        #expect(try decoder.next(in: &bytes) == packet)
    }

    @Test func publishSharesTheStorageThatItWasReadFrom() throws {
        var bytes = ByteBuffer(bytes: [0x30, 5, 0, 1, 0x74, 0xAA, 0xBB])
        let start = bytes.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        var decoder = try MQTTDecoder.connected(.v3_1_1)

        guard case .publish(let publish) = try decoder.next(in: &bytes) else {
            Issue.record("no PUBLISH")
            return
        }

        #expect(publish.topic.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) } == start + 4)
        #expect(publish.payload.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) } == start + 5)
    }

    @Test func aPrintedConnectDoesNotShowThePassword() {
        let connect = Connect(version: .v5, clientID: "c", userName: "u", password: ByteBuffer(string: "geheim"))
        let hex = "67656865696d"
        var dumped = ""
        dump(MQTTPacket.connect(connect), to: &dumped)

        for text in ["\(connect)", String(reflecting: connect), "\(MQTTPacket.connect(connect))", dumped] {
            #expect(!text.contains("geheim") && !text.replacing(" ", with: "").contains(hex))
        }
    }
}
