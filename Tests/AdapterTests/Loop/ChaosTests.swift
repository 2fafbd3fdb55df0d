import MQTTCodec
import Messaging
import Model
import NIOCore
import TestSupport
import Testing

@testable import AdapterTransport
@testable import HTTPAdapter
@testable import MQTTAdapter
@testable import WSAdapter

/// Everything at once on one loop: three protocols, clients that break the rules, slow ones, late answers, rights that go.
private final class Chaos {
    private enum Peer {
        case http(HTTPPeer)
        case ws(HTTPPeer)
        case mqtt(MQTTPeer)

        var connection: TestChannel {
            switch self {
            case .http(let peer), .ws(let peer): peer.connection
            case .mqtt(let peer): peer.connection
            }
        }
    }

    private struct Client {
        let thing: Int
        let peer: Peer
    }

    private let test = TestLoop()
    private let ws: WSServer
    private let mqtt: MQTTServer
    private let channel = ChannelID.random()
    private var things: [(identity: ThingIdentity, key: ThingKey)] = []
    private var isOut: [Bool] = []
    private var clients: [Client] = []
    private var counted = 0
    private(set) var published = 0

    init() throws {
        ws = WSServer(test, maximumQueue: 2_000)
        mqtt = MQTTServer(test, maximumQueue: 2_000)
        for _ in 0..<6 {
            let thing = test.rights.addThing()
            test.rights.connect(thing.identity, channel)
            things.append(thing)
            isOut.append(false)
        }
    }

    private var path: String { "channels/\(channel)/messages" }

    func step(using random: inout SeededGenerator) throws {
        switch Int.random(in: 0..<32, using: &random) {
        case 0...5: try open(using: &random)
        case 6...19: try send(using: &random)
        case 20...22: clients.randomElement(using: &random)?.peer.connection.setWritable(Bool.random(using: &random))
        case 23...25: test.answersAtOnce.toggle()
        case 26: test.answer()
        case 27: test.pass(UInt64.random(in: 0..<300_000_000, using: &random))
        case 28: close(using: &random)
        case 29: take(using: &random)
        default: test.rights.isOut.toggle()
        }
        test.run()
        if let client = clients.randomElement(using: &random) { _ = try client.peer.connection.sent() }
        check()
    }

    private func open(using random: inout SeededGenerator) throws {
        let thing = Int.random(in: 0..<things.count, using: &random)
        let key = things[thing].key
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            let endpoint = PublishEndpoint(loop: test.loop, peer: ConnectionPeer(), version: "1")
            clients.append(Client(thing: thing, peer: .http(try HTTPPeer(test, endpoint: endpoint))))
        case 1:
            let peer = try ws.connect()
            try peer.send(ws.handshake(path: "/\(path)", authorization: key.secret.revealed))
            clients.append(Client(thing: thing, peer: .ws(peer)))
        default:
            let peer = try mqtt.open(random.pick([.v3_1_1, .v5]))
            let subscription = Subscription(filter: "\(path)/#", qos: random.pick(MQTTQoS.allCases))
            try peer.send(
                peer.connect(id: "\(thing)\(random.pick(["a", "b"]))", key: key),
                .subscribe(Subscribe(packetID: 1, subscriptions: [subscription]))
            )
            clients.append(Client(thing: thing, peer: .mqtt(peer)))
        }
    }

    /// A message, mostly as it should be.
    private func send(using random: inout SeededGenerator) throws {
        guard let client = clients.randomElement(using: &random), !client.peer.connection.isGone else { return }
        let text = String(repeating: "x", count: Int.random(in: 0..<200, using: &random))
        var bytes: [UInt8]
        switch client.peer {
        case .http:
            let key = things[client.thing].key.secret.revealed
            let head =
                "POST /\(path)/a HTTP/1.1\r\nHost: a\r\nAuthorization: \(key)\r\nContent-Length: \(text.utf8.count)"
            bytes = Array("\(head)\r\n\r\n\(text)".utf8)
        case .ws:
            bytes = ClientFrame.text(text)
        case .mqtt(let peer):
            let qos = random.pick([MQTTQoS.atMostOnce, .atMostOnce, .atLeastOnce, .exactlyOnce])
            let id: UInt16 = qos == .atMostOnce ? 0 : .random(in: 1...9, using: &random)
            bytes = Array(try peer.bytes(peer.publish(text, to: "\(path)/a", qos: qos, id: id)).readableBytesView)
        }
        if Int.random(in: 0..<8, using: &random) == 0, !bytes.isEmpty {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        let cut = Int.random(in: 0...bytes.count, using: &random)
        try client.peer.connection.receive(ByteBuffer(bytes: bytes[..<cut]))
        guard !client.peer.connection.isGone else { return }
        try client.peer.connection.receive(ByteBuffer(bytes: bytes[cut...]))
    }

    private func close(using random: inout SeededGenerator) {
        guard !clients.isEmpty else { return }
        clients.remove(at: Int.random(in: 0..<clients.count, using: &random)).peer.connection.lose()
    }

    /// Takes a right that is never given back.
    private func take(using random: inout SeededGenerator) {
        let index = Int.random(in: 0..<things.count, using: &random)
        let identity = things[index].identity
        test.take(
            random.pick([
                .thingRemoved(identity.thing), .keyChanged(identity.thing), .disconnected(identity.thing, channel),
                .tenantRemoved(identity.tenant),
            ])
        )
        isOut[index] = true
        // A new thing takes its place, so that there is always somebody.
        let next = test.rights.addThing()
        test.rights.connect(next.identity, channel)
        things.append(next)
        isOut.append(false)
    }

    /// What was published since the last step comes from things that may.
    private func check() {
        let out = Set(things.indices.filter { isOut[$0] }.map { things[$0].identity.thing })
        let messages = test.published.messages[counted...]
        // A step that takes a right publishes nothing, so what is new came after all rights that are gone by now.
        #expect(!messages.contains { out.contains($0.publisher) })
        counted = test.published.messages.count
        published = counted
    }

    /// Everybody goes; what is left then is a leak.
    func end() {
        for client in clients where !client.peer.connection.isGone { client.peer.connection.lose() }
        test.answersAtOnce = true
        test.run()

        #expect(ws.component.connectionCount == 0 && mqtt.component.connectionCount == 0)
        #expect(test.counters.connectionsWS.current == 0 && test.counters.connectionsMQTT.current == 0)
        #expect(!test.isInterested(in: channel))
    }
}

@Suite struct ChaosTests {
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func nobodyPublishesWithoutRightAndNothingIsLeftBehind(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let chaos = try Chaos()
        for _ in 0..<600 { try chaos.step(using: &random) }
        chaos.end()

        #expect(chaos.published > 20)
    }
}
