import MQTTCodec
import NIOCore
import Testing

/// Whatever the bytes, the decoder answers; what it accepts, it can write and read again.
@Suite struct MutationTests {
    @Test(arguments: StreamTests.Stream.all)
    func everyFlippedBitIsDecodedOrRefused(_ stream: StreamTests.Stream) throws {
        let connected = try MQTTDecoder.connected(stream.version, role: stream.role)
        for packet in try stream.make(seed: 7).packets {
            try flipEveryBit(of: try packet.encoded(stream.version), decoder: connected, version: stream.version)
        }
    }

    @Test(arguments: MQTTVersion.allCases)
    func everyFlippedBitOfConnectIsDecodedOrRefused(_ version: MQTTVersion) throws {
        var generator = PacketGenerator(version: version, seed: 8)
        for _ in 0..<10 {
            let bytes = try generator.packet(.connect).encoded(version)
            try flipEveryBit(of: bytes, decoder: MQTTDecoder(maximumPacketSize: 4096), version: nil)
        }
    }

    @Test func twoSecondsOfRandomBytesAreDecodedOrRefused() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        let end = ContinuousClock.now + .seconds(2)
        var accepted = 0
        while ContinuousClock.now < end {
            let version = MQTTVersion.allCases[Int.random(in: 0..<3, using: &random)]
            let role: MQTTRole = Bool.random(using: &random) ? .server : .client
            var decoder = try MQTTDecoder.connected(version, role: role, maximumPacketSize: 4096)
            var bytes = try Self.corruptedStream(version: version, role: role, random: &random)
            do throws(MQTTCodecError) {
                for packet in try decoder.all(in: &bytes) {
                    accepted += 1
                    #expect(Self.survives(packet, version: version, role: role), "seed \(seed): \(packet)")
                }
            } catch {
                #expect(error.reasonCode.isFailure, "seed \(seed)")
            }
        }

        #expect(accepted > 0, "seed \(seed)")
    }

    /// Lawful packets with some bytes overwritten, inserted or removed; or noise alone.
    private static func corruptedStream(
        version: MQTTVersion,
        role: MQTTRole,
        random: inout SeededGenerator
    ) throws -> ByteBuffer {
        var generator = PacketGenerator(version: version, seed: random.next())
        var bytes: [UInt8] = []
        if Int.random(in: 0..<8, using: &random) == 0 {
            bytes = (0..<Int.random(in: 0..<64, using: &random)).map { _ in UInt8.random(in: 0 ... .max, using: &random)
            }
        } else {
            for _ in 0..<3 {
                bytes += Array(try generator.packet(for: role).encoded(version).readableBytesView)
            }
        }
        for _ in 0..<Int.random(in: 0..<4, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes[index] = UInt8.random(in: 0 ... .max, using: &random)
            case 1: bytes.insert(UInt8.random(in: 0 ... .max, using: &random), at: index)
            default: bytes.remove(at: index)
            }
        }
        return ByteBuffer(bytes: bytes)
    }

    private func flipEveryBit(of bytes: ByteBuffer, decoder: MQTTDecoder, version: MQTTVersion?) throws {
        for index in 0..<bytes.readableBytes {
            for bit in 0..<8 {
                var mutated = bytes
                let byte = try #require(bytes.getInteger(at: index, as: UInt8.self))
                mutated.setInteger(byte ^ 1 << UInt8(bit), at: index)
                var decoder = decoder
                guard let packet = try? decoder.next(in: &mutated), let version = version ?? decoder.version else {
                    continue
                }
                #expect(Self.survives(packet, version: version, role: decoder.role), "byte \(index), bit \(bit)")
            }
        }
    }

    /// Whether an accepted packet can be written, and read again as the same.
    private static func survives(_ packet: MQTTPacket, version: MQTTVersion, role: MQTTRole) -> Bool {
        guard var bytes = try? packet.encoded(version) else { return false }
        var decoder = MQTTDecoder(maximumPacketSize: 1 << 20)
        if packet.type != .connect {
            guard let connected = try? MQTTDecoder.connected(version, role: role) else { return false }
            decoder = connected
        }
        return (try? decoder.next(in: &bytes)) == packet
    }
}
