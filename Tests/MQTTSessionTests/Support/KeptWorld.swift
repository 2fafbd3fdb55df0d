import MQTTCodec
import MQTTSession
import NIOCore
import TestSupport

/// A log, a server that keeps a session, and its client, with a network between them that loses what is under way.
struct KeptWorld {
    private(set) var faults: [String] = []
    /// What the client's application was told, in its order; places of the log.
    private(set) var told: [UInt64] = []

    private var random: SeededGenerator
    private let settings = SessionSettings(maximumInFlight: 8, maximumExpiry: .max)
    private var log: [(place: UInt64, qos: MQTTQoS)] = []
    private var nextPlace: UInt64 = 1
    /// As on a disk.
    private var saved = KeptSession(from: 0)
    private var server: Client?
    private var toClient = CircularBuffer<MQTTPacket>()
    private var toServer = CircularBuffer<MQTTPacket>()
    /// Identifiers of QoS 2 that the client has seen PUBLISH and no PUBREL of.
    private var unreleased: Set<UInt16> = []

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func step() {
        switch Int.random(in: 0..<40, using: &random) {
        case 0..<8: publish()
        case 8..<16: offer()
        case 16..<26: clientTakes()
        case 26..<36: serverTakes()
        case 36: if let server { saved = server.kept ?? saved }
        case 37: end(isOrderly: true)
        case 38: end(isOrderly: false)
        default: connect()
        }
    }

    mutating func drain() {
        connect()
        for _ in 0..<5_000 {
            offer()
            clientTakes()
            serverTakes()
        }
        let missing = log.map(\.place).filter { !told.contains($0) }
        if !missing.isEmpty { faults.append("lost \(missing)") }
        for (place, qos) in log where qos == .exactlyOnce && told.filter({ $0 == place }).count > 1 {
            faults.append("twice \(place)")
        }
        var first: [UInt64] = []
        for place in told where !first.contains(place) { first.append(place) }
        if first != first.sorted() { faults.append("out of order \(first)") }
    }

    private mutating func publish() {
        nextPlace += UInt64.random(in: 1...3, using: &random)
        log.append((nextPlace, Bool.random(using: &random) ? .atLeastOnce : .exactlyOnce))
    }

    private mutating func connect() {
        guard server == nil else { return }
        let client = Client(settings)
        _ = client.connect(Connect(version: .v3_1_1, clientID: "c", cleanStart: false))
        send(
            client.authenticated(.accepted(clientID: "c", SessionTerms(saved, isPresent: true, expiry: .max))),
            of: client
        )
        server = client
    }

    private mutating func end(isOrderly: Bool) {
        guard let server else { return }
        _ = server.loseConnection()
        if isOrderly { saved = server.left ?? saved }
        self.server = nil
        toClient.removeAll()
        toServer.removeAll()
    }

    /// What must be kept is, before anything of it goes out.
    private mutating func send(_ actions: [SessionAction], of server: Client) {
        if server.mustBeKept() { saved = server.kept ?? saved }
        for case .send(let packet) in actions { toClient.append(packet) }
    }

    private mutating func offer() {
        guard let server else { return }
        for place in server.unsent {
            let message = log.first { $0.place == place }
            let (result, actions) = server.resume(message.map { Self.publish($0.place, $0.qos) }, at: place)
            send(actions, of: server)
            if result == .noRoom { return }
        }
        for (place, qos) in log where place > server.position {
            let (result, actions) = server.deliver(Self.publish(place, qos), at: place)
            send(actions, of: server)
            if result == .noRoom { return }
        }
    }

    private static func publish(_ place: UInt64, _ qos: MQTTQoS) -> Publish {
        Publish(topic: ByteBuffer(string: "a"), payload: ByteBuffer(string: "\(place)"), qos: qos)
    }

    private mutating func serverTakes() {
        guard let server, let packet = toServer.popFirst() else { return }
        send(server.receive(packet), of: server)
    }

    private mutating func clientTakes() {
        guard let packet = toClient.popFirst() else { return }
        switch packet {
        case .publish(let publish):
            let place = UInt64(String(buffer: publish.payload)) ?? 0
            let ack = PublishAck(packetID: publish.packetID)
            if publish.qos == .exactlyOnce {
                if unreleased.insert(publish.packetID).inserted { told.append(place) }
                toServer.append(.pubrec(ack))
            } else {
                told.append(place)
                toServer.append(.puback(ack))
            }
        case .pubrel(let ack):
            unreleased.remove(ack.packetID)
            toServer.append(.pubcomp(PublishAck(packetID: ack.packetID)))
        case .connack: break
        default: faults.append("\(packet)")
        }
    }
}
