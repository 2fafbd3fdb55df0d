import Bootstrap
import NIOCore
import NIOEmbedded
import Testing

@testable import AdapterTransport

@Suite struct ConnectionGateTests {
    private func gate(_ change: (inout LimitSettings) -> Void) -> ConnectionGate {
        var limits = LimitSettings()
        change(&limits)
        return ConnectionGate(limits)
    }

    private func client(_ address: String = "192.0.2.1") throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        try channel.connect(to: SocketAddress(ipAddress: address, port: 1)).wait()
        channel.remoteAddress = try SocketAddress(ipAddress: address, port: 1)
        return channel
    }

    private func refusal(
        _ gate: ConnectionGate,
        _ client: EmbeddedChannel,
        isSecure: Bool = false
    ) -> ConnectionGate.Refusal? {
        do throws(ConnectionGateRefusal) {
            _ = try gate.admit(client, isSecure: isSecure)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test func noMoreConnectionsThanMayBe() throws {
        let gate = gate { $0.connections = 2 }
        let clients = try (0..<4).map { _ in try client() }
        #expect(refusal(gate, clients[0]) == nil && refusal(gate, clients[1]) == nil)
        #expect(refusal(gate, clients[2]) == .tooManyConnections)
        _ = try clients[0].finish()
        #expect(refusal(gate, clients[2]) == nil)
        #expect(refusal(gate, clients[3]) == .tooManyConnections)
    }

    @Test func oneAddressDoesntTakeThePlaceOfOthers() throws {
        let gate = gate { $0.addressConnections = 1 }
        let first = try client()
        #expect(refusal(gate, first) == nil)
        #expect(refusal(gate, try client()) == .tooManyOfAddress)
        // The same address, as a socket for both sees it.
        #expect(refusal(gate, try client("::ffff:192.0.2.1")) == .tooManyOfAddress)
        #expect(refusal(gate, try client("192.0.2.2")) == nil)
        _ = try first.finish()
        #expect(refusal(gate, try client()) == nil)
    }

    @Test func anIPv6NetworkCountsAsOne() throws {
        let gate = gate { $0.addressConnections = 1 }
        #expect(refusal(gate, try client("2001:db8::1")) == nil)
        #expect(refusal(gate, try client("2001:db8::ffff:1")) == .tooManyOfAddress)
        #expect(refusal(gate, try client("2001:db8:0:1::1")) == nil)
    }

    @Test func oneAddressHasATenthOfTheHandshakes() throws {
        let gate = gate { $0.handshakes = 20 }
        let silent = try (0..<2).map { _ in try client() }
        #expect(silent.allSatisfy { refusal(gate, $0, isSecure: true) == nil })
        #expect(refusal(gate, try client(), isSecure: true) == .tooManyHandshakes)
        #expect(refusal(gate, try client("192.0.2.2"), isSecure: true) == nil)
        _ = try silent[0].finish()
        #expect(refusal(gate, try client(), isSecure: true) == nil)
    }

    @Test func noMoreHandshakesThanMayBe() throws {
        let gate = gate { $0.handshakes = 1 }
        let first = try client("192.0.2.9")
        let ended = try gate.admit(first, isSecure: true)
        #expect(refusal(gate, try client(), isSecure: true) == .tooManyHandshakes)
        // Plain ones have none.
        #expect(refusal(gate, try client()) == nil)
        ended()
        ended()
        let second = try client()
        #expect(refusal(gate, second, isSecure: true) == nil)
        #expect(refusal(gate, try client(), isSecure: true) == .tooManyHandshakes)
        // One that goes away in its handshake has ended it.
        _ = try second.finish()
        _ = try first.finish()
        #expect(refusal(gate, try client(), isSecure: true) == nil)
    }
}
