import MQTTCodec
import NIOCore
import Testing

@Suite struct StreamTests {
    struct Stream: CustomTestStringConvertible {
        let version: MQTTVersion
        let role: MQTTRole

        var testDescription: String { "to \(role) in \(version)" }

        static let all = MQTTVersion.allCases.flatMap {
            [Stream(version: $0, role: .server), .init(version: $0, role: .client)]
        }

        /// One packet of each type, and the bytes of all.
        func make(seed: UInt64) throws -> (packets: [MQTTPacket], bytes: ByteBuffer) {
            var generator = PacketGenerator(version: version, seed: seed)
            let packets = PacketGenerator.types(for: role, version: version).map { generator.packet($0, for: role) }
            var bytes = ByteBuffer()
            for packet in packets { try packet.encode(into: &bytes, version: version) }
            return (packets, bytes)
        }
    }

    @Test(arguments: Stream.all)
    func everySplitOfAStreamGivesTheSamePackets(_ stream: Stream) throws {
        let (packets, bytes) = try stream.make(seed: 3)
        for split in 0...bytes.readableBytes {
            var decoder = try MQTTDecoder.connected(stream.version, role: stream.role)
            var buffer = try #require(bytes.getSlice(at: 0, length: split))
            let rest = try #require(bytes.getSlice(at: split, length: bytes.readableBytes - split))
            var decoded = try decoder.all(in: &buffer)
            buffer.writeImmutableBuffer(rest)
            decoded += try decoder.all(in: &buffer)

            #expect(decoded == packets, "split at \(split)")
        }
    }

    @Test(arguments: Stream.all)
    func oneByteAtATimeGivesTheSamePackets(_ stream: Stream) throws {
        let (packets, bytes) = try stream.make(seed: 4)
        var decoder = try MQTTDecoder.connected(stream.version, role: stream.role)
        var buffer = ByteBuffer()
        var decoded: [MQTTPacket] = []
        for byte in bytes.readableBytesView {
            buffer.writeInteger(byte)
            decoded += try decoder.all(in: &buffer)
        }

        #expect(decoded == packets)
    }

    @Test(arguments: Stream.all)
    func everyTruncationWaitsAndConsumesNothing(_ stream: Stream) throws {
        for packet in try stream.make(seed: 5).packets {
            let bytes = try packet.encoded(stream.version)
            for length in 0..<bytes.readableBytes {
                var decoder = try MQTTDecoder.connected(stream.version, role: stream.role)
                var part = try #require(bytes.getSlice(at: bytes.readerIndex, length: length))

                #expect(try decoder.next(in: &part) == nil)
                #expect(part.readableBytes == length)
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases)
    func aTruncatedConnectWaits(_ version: MQTTVersion) throws {
        var generator = PacketGenerator(version: version, seed: 6)
        let bytes = try generator.packet(.connect).encoded(version)
        for length in 0..<bytes.readableBytes {
            var decoder = MQTTDecoder(maximumPacketSize: 1 << 16)
            var part = try #require(bytes.getSlice(at: bytes.readerIndex, length: length))

            #expect(try decoder.next(in: &part) == nil)
            #expect(decoder.version == nil)
        }
    }

    @Test func aPacketOverTheLimitIsRefusedByItsHeaderAlone() throws {
        var decoder = try MQTTDecoder.connected(.v5, maximumPacketSize: 1000)
        var exact = ByteBuffer(bytes: [0x30, 0xE5, 0x07])
        var over = ByteBuffer(bytes: [0x30, 0xE6, 0x07])
        var huge = ByteBuffer(bytes: [0x30, 0xFF, 0xFF, 0xFF, 0x7F])

        #expect(try decoder.next(in: &exact) == nil)
        #expect(throws: MQTTCodecError.packetTooLarge(size: 1001, limit: 1000)) { try decoder.next(in: &over) }
        #expect(throws: MQTTCodecError.packetTooLarge(size: 268_435_460, limit: 1000)) { try decoder.next(in: &huge) }
    }

    @Test func theLimitCanBeRaisedAfterLogin() throws {
        var decoder = try MQTTDecoder.connected(.v3_1_1, maximumPacketSize: 16)
        let packet = MQTTPacket.publish(
            Publish(topic: ByteBuffer(string: "topic"), payload: ByteBuffer(repeating: 1, count: 40))
        )
        var bytes = try packet.encoded(.v3_1_1)

        #expect(throws: MQTTCodecError.packetTooLarge(size: bytes.readableBytes, limit: 16)) {
            try decoder.next(in: &bytes)
        }
        decoder.maximumPacketSize = 64
        #expect(try decoder.next(in: &bytes) == packet)
    }

    @Test func theVersionIsKnownThoughTheRestOfConnectIsMalformed() throws {
        var bytes = ByteBuffer(bytes: [0x10, 10, 0, 4] + "MQTT".utf8 + [5, 1, 0, 0])
        var decoder = MQTTDecoder(maximumPacketSize: 100)

        #expect(throws: MQTTCodecError.reservedConnectFlag) { try decoder.next(in: &bytes) }
        #expect(decoder.version == .v5)
    }
}
