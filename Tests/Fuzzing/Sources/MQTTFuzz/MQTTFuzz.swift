import LibFuzzer
import MQTTCodec
import MQTTSession
import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Gives inputs that libFuzzer thinks of to the MQTT codec and session: a peer's bytes, how they come, and what happens meanwhile.
@main enum MQTTFuzz {
    static func main() {
        var (count, arguments) = (CommandLine.argc, Optional(CommandLine.unsafeArgv))
        exit(
            LLVMFuzzerRunDriver(&count, &arguments) { start, count in
                var run = Run(Input(bytes: Array(UnsafeBufferPointer(start: start, count: count))))
                run.play()
                return 0
            }
        )
    }
}

/// The first bytes decide how a run goes, the rest is what the peer sends.
private struct Input {
    private var bytes: ArraySlice<UInt8>

    init(bytes: [UInt8]) { self.bytes = bytes[...] }

    var isEmpty: Bool { bytes.isEmpty }

    /// 0 at the end.
    mutating func byte() -> UInt8 { bytes.popFirst() ?? 0 }

    mutating func bytes(_ count: Int) -> ArraySlice<UInt8> {
        let taken = bytes.prefix(count)
        bytes = bytes.dropFirst(count)
        return taken
    }
}

/// One connection: decoder and session, and a caller that answers as it may.
private struct Run: ~Copyable {
    private static let settings = [
        SessionSettings(
            connectTimeout: .seconds(10),
            maximumKeepAlive: 100,
            maximumPacketSize: 4_096,
            receiveMaximum: 3,
            maximumUnreleased: 3,
            topicAliasMaximum: 2,
            maximumOutboundAliases: 2,
            maximumInFlight: 2,
            maximumQueuedMessages: 3,
            maximumQueuedBytes: 200,
            maximumClientIDLength: 30
        ),
        SessionSettings(),
    ]

    private var input: Input
    private let settings: SessionSettings
    private var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private var session: ClientSession
    private var decoder: MQTTDecoder
    private var unread = ByteBuffer()
    private var isDecoding = true
    private var isClosed = false
    /// Messages of a shared subscription that the client has, and how many it has been sent.
    private var shared: (held: Set<SharedPlace>, count: UInt64) = ([], 0)

    init(_ input: Input) {
        self.input = input
        settings = Self.settings[Int(self.input.byte() & 1)]
        session = ClientSession(settings: settings, at: now)
        decoder = MQTTDecoder(maximumPacketSize: settings.maximumPacketSize)
    }

    mutating func play() {
        while !input.isEmpty {
            let choice = input.byte()
            switch choice {
            case 0..<16: deliver(choice)
            case 16..<20: pass(choice)
            case 20: feed { $0.close(.serverShuttingDown, into: &$1) }
            case 21: feed { $0.connectionClosed(into: &$1) }
            case 22: session.readingPaused()
            case 23: session.readingResumed(at: now)
            default:
                unread.writeBytes(input.bytes(Int(choice)))
                decode()
            }
        }
    }

    private mutating func decode() {
        while isDecoding, session.phase != .closed {
            do throws(MQTTCodecError) {
                guard let packet = try decoder.next(in: &unread) else { return }
                check(packet, from: .client, version: decoder.version ?? .v3_1_1)
                let now = now
                feed { $0.received(packet, at: now, into: &$1) }
            } catch {
                let version = decoder.version
                feed { $0.failed(error, version: version, into: &$1) }
                isDecoding = false
            }
        }
    }

    private mutating func deliver(_ choice: UInt8) {
        var properties: MQTTProperties = []
        if choice & 4 != 0, session.version == .v5 {
            properties = [.messageExpiryInterval(UInt32(input.byte())), .userProperty(name: "a", value: "b")]
        }
        let publish = Publish(
            topic: ByteBuffer(string: choice & 8 == 0 ? "a" : "a/\(choice)"),
            payload: ByteBuffer(repeating: 0x61, count: Int(input.byte())),
            qos: MQTTQoS(rawValue: choice & 3) ?? .atLeastOnce,
            properties: properties
        )
        let now = now
        if choice & 3 == 3 {
            shared.count += 1
            let place = SharedPlace(subscription: 1, place: shared.count)
            var result = DeliveryResult.queued
            feed { result = $0.deliver(publish, shared: place, into: &$1) }
            if result == .sent { shared.held.insert(place) }
        } else {
            let expires = properties.messageExpiryInterval.map { now + .seconds(Int64($0)) }
            feed { _ = $0.deliver(publish, expires: expires, into: &$1) }
        }
        precondition(session.queuedMessages <= settings.maximumQueuedMessages)
        precondition(session.messagesInFlight <= Int(settings.maximumInFlight))
    }

    private mutating func pass(_ choice: UInt8) {
        now = now + .seconds(Int64(input.byte()))
        let now = now
        feed { $0.timerFired(at: now, into: &$1) }
        if choice == 17 { _ = session.takeExpiredMessages() }
    }

    private mutating func feed(_ event: (inout ClientSession, inout [SessionAction]) -> Void) {
        var actions: [SessionAction] = []
        event(&session, &actions)
        var next = 0
        while next < actions.count {
            precondition(!isClosed, "nothing comes after the end")
            let action = actions[next]
            next += 1
            perform(action, &actions)
        }
    }

    private mutating func perform(_ action: SessionAction, _ actions: inout [SessionAction]) {
        switch action {
        case .authenticate(let connect):
            let code: [MQTTReasonCode] = [.notAuthorized, .serverUnavailable]
            let choice = input.byte()
            let outcome: AuthenticationOutcome =
                choice > 1
                ? .accepted(clientID: connect.clientID.isEmpty ? "made" : connect.clientID)
                : .refused(code[Int(choice)])
            session.authenticated(outcome, at: now, into: &actions)
        case .publish(let publish):
            _ = try? publish.validatedTopic()
            let outcomes = PublishOutcome.allCases
            // Most are accepted.
            let outcome = outcomes[max(0, Int(input.byte()) - 200) % outcomes.count]
            session.publishCompleted(outcome, qos: publish.qos, packetID: publish.packetID, into: &actions)
        case .subscribe(let subscribe):
            let codes = subscribe.subscriptions.map { MQTTReasonCode.granted($0.qos) }
            session.subscribeCompleted(packetID: subscribe.packetID, codes: codes, into: &actions)
        case .unsubscribe(let unsubscribe):
            let codes = unsubscribe.filters.map { _ in MQTTReasonCode.success }
            session.unsubscribeCompleted(packetID: unsubscribe.packetID, codes: codes, into: &actions)
        case .send(let packet): check(packet, from: .server, version: session.version)
        case .settled(let place): precondition(shared.held.remove(place) != nil, "once, and only what it has")
        case .publishWill: break
        case .close: isClosed = true
        }
    }

    /// What was decoded can be encoded, and what is sent can be read by the other side.
    private func check(_ packet: MQTTPacket, from role: MQTTRole, version: MQTTVersion) {
        // A client's alias stands for a topic that the decoder alone doesn't know, and the session's CONNECT isn't sent on.
        if case .connect = packet { return }
        var bytes = ByteBuffer()
        guard (try? packet.encode(into: &bytes, version: version)) != nil else {
            precondition(role == .client, "what the session sends can be encoded")
            return
        }
        precondition(bytes.readableBytes == packet.encodedLength(version: version))
        guard role == .server else { return }
        precondition(bytes.readableBytes <= session.clientMaximumPacketSize)
        // Earlier versions have fewer reason codes: so by the bytes.
        var reader = MQTTDecoder(maximumPacketSize: SessionSettings.largestPacket, clientVersion: version)
        let (whole, back) = (bytes, try? reader.next(in: &bytes))
        var again = ByteBuffer()
        try? back?.encode(into: &again, version: version)
        precondition(again == whole && bytes.readableBytes == 0, "a client reads what was sent")
    }
}
