import MQTTCodec
import MQTTSession
import NIOCore

/// A client that keeps the rules, and a record of what the session did to it.
struct SessionModel {
    let client: Client
    private let window: Int
    /// Messages to the client that it has not finished, by identifier: their QoS.
    private var unfinished: [UInt16: (qos: MQTTQoS, sawPubrec: Bool)] = [:]
    /// Payloads delivered so far, and the next to be delivered: order must hold.
    private var nextDelivered = 0
    private var nextReceived = 0
    /// QoS 2 messages from the client: how often each was routed, and whether PUBREC has come.
    private var outgoing: [UInt16: (routed: Int, answered: Bool)] = [:]

    init(version: MQTTVersion, window: Int) {
        self.window = window
        client = Client.connected(
            version,
            settings: SessionSettings(maximumInFlight: 5, maximumQueuedMessages: 10),
            properties: version == .v5 ? [.receiveMaximum(UInt16(window))] : []
        )
    }

    private var effectiveWindow: Int { client.version == .v5 ? window : 5 }

    /// Does one thing; says what is wrong, if something is.
    mutating func step(using random: inout SeededGenerator) -> String? {
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: deliver(using: &random)
        case 2, 3: acknowledge(using: &random)
        case 4: publish(using: &random)
        default: release(using: &random)
        }
    }

    private mutating func deliver(using random: inout SeededGenerator) -> String? {
        let qos: MQTTQoS = Bool.random(using: &random) ? .atLeastOnce : .exactlyOnce
        let (result, actions) = client.deliver(.sample(qos, payload: "\(nextDelivered)"))
        if case .dropped = result {
            return client.queuedMessages == 10 ? nil : "dropped with room in the queue"
        }
        nextDelivered += 1
        return take(actions)
    }

    /// Notes the messages among the actions.
    private mutating func take(_ actions: [SessionAction]) -> String? {
        for message in actions.messages {
            guard unfinished.updateValue((message.qos, false), forKey: message.packetID) == nil else {
                return "identifier \(message.packetID) twice"
            }
            guard message.payload == ByteBuffer(string: "\(nextReceived)") else { return "out of order" }
            nextReceived += 1
        }
        guard unfinished.count <= effectiveWindow else { return "\(unfinished.count) in flight" }
        guard unfinished.count == client.messagesInFlight else { return "counts differ" }
        return actions.end == nil ? nil : "closed a lawful client"
    }

    private mutating func acknowledge(using random: inout SeededGenerator) -> String? {
        guard let id = unfinished.keys.sorted().randomElement(using: &random), let message = unfinished[id] else {
            return nil
        }
        let ack = PublishAck(packetID: id)
        switch (message.qos, message.sawPubrec) {
        case (.exactlyOnce, false):
            unfinished[id]?.sawPubrec = true
            return client.receive(.pubrec(ack)).sent == [.pubrel(ack)] ? nil : "no PUBREL"
        case (.exactlyOnce, true):
            if Int.random(in: 0..<4, using: &random) == 0 {
                return client.receive(.pubrec(ack)).sent == [.pubrel(ack)] ? nil : "no second PUBREL"
            }
            unfinished[id] = nil
            return take(client.receive(.pubcomp(ack)))
        default:
            unfinished[id] = nil
            return take(client.receive(.puback(ack)))
        }
    }

    /// Sends a QoS 2 message, anew or again; the caller's answer comes at once or later.
    private mutating func publish(using random: inout SeededGenerator) -> String? {
        let id = UInt16.random(in: 1...4, using: &random)
        let isAgain = outgoing[id] != nil
        let actions = client.receive(.publish(.sample(.exactlyOnce, id: id, dup: isAgain)))
        let routed = actions.count { if case .publish = $0 { true } else { false } }
        outgoing[id, default: (0, false)].routed += routed
        guard outgoing[id]?.routed == 1 else { return "routed \(outgoing[id]?.routed ?? 0) times" }
        if outgoing[id]?.answered == true {
            return actions.sent == [.pubrec(PublishAck(packetID: id))] ? nil : "no second PUBREC"
        }
        guard Bool.random(using: &random) else { return nil }
        return answer(id)
    }

    private mutating func answer(_ id: UInt16) -> String? {
        outgoing[id]?.answered = true
        let actions = client.publishCompleted(.accepted, qos: .exactlyOnce, id: id)
        return actions == [.send(.pubrec(PublishAck(packetID: id)))] ? nil : "no PUBREC"
    }

    private mutating func release(using random: inout SeededGenerator) -> String? {
        guard let id = outgoing.keys.sorted().randomElement(using: &random) else { return nil }
        if outgoing[id]?.answered == false { return answer(id) }
        outgoing[id] = nil
        let actions = client.receive(.pubrel(PublishAck(packetID: id)))
        return actions == [.send(.pubcomp(PublishAck(packetID: id)))] ? nil : "no PUBCOMP"
    }

    /// One event of any kind in any state.
    static func anything(_ client: Client, using random: inout SeededGenerator) -> [SessionAction] {
        let id = UInt16.random(in: 1...3, using: &random)
        let qos = MQTTQoS.allCases[Int.random(in: 0..<3, using: &random)]
        let ack = PublishAck(packetID: id, reasonCode: Bool.random(using: &random) ? .success : .unspecifiedError)
        switch Int.random(in: 0..<24, using: &random) {
        case 0...3:
            let version = MQTTVersion.allCases[Int.random(in: 0..<3, using: &random)]
            guard client.phase == .awaitingConnect else { return [] }
            return client.connect(Connect(version: version, clientID: "c", keepAlive: 9, will: .sample))
        case 4...6: return client.authenticated(.accepted(clientID: "c"))
        case 7, 8:
            guard client.phase == .connected else { return [] }
            return client.receive(.publish(.sample(qos, id: qos == .atMostOnce ? 0 : id)))
        case 9, 10:
            let outcome = PublishOutcome.allCases[Int.random(in: 0..<6, using: &random)]
            return client.publishCompleted(Bool.random(using: &random) ? .accepted : outcome, qos: qos, id: id)
        case 11...13: return client.deliver(.sample(qos)).actions
        case 14: return client.receive(.puback(ack))
        case 15: return client.receive(.pubrec(ack))
        case 16: return client.receive(.pubrel(ack))
        case 17: return client.receive(.pubcomp(ack))
        case 18: return client.subscribeCompleted(id: id, [.success])
        case 19: return client.pass(.seconds(Int64.random(in: 0...20, using: &random)))
        case 20: return client.receive(.pingreq)
        case 21: return Int.random(in: 0..<8, using: &random) == 0 ? client.fail(.trailingBytes, version: .v5) : []
        case 22: return Int.random(in: 0..<8, using: &random) == 0 ? client.close(.sessionTakenOver) : []
        default: return Int.random(in: 0..<8, using: &random) == 0 ? client.loseConnection() : []
        }
    }
}
