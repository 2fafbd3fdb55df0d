import MQTTCodec
import NIOCore

/// Makes random packets that are lawful in a version.
struct PacketGenerator {
    let version: MQTTVersion
    var random: SeededGenerator

    init(version: MQTTVersion, seed: UInt64) {
        self.version = version
        random = SeededGenerator(seed: seed)
    }

    /// The types that the given end may receive, CONNECT left out for a server.
    static func types(for role: MQTTRole, version: MQTTVersion) -> [MQTTPacketType] {
        let both: [MQTTPacketType] = [.publish, .puback, .pubrec, .pubrel, .pubcomp]
        let auth: [MQTTPacketType] = version == .v5 ? [.auth] : []
        switch role {
        case .server: return both + auth + [.subscribe, .unsubscribe, .pingreq, .disconnect]
        case .client:
            let disconnect: [MQTTPacketType] = version == .v5 ? [.disconnect] : []
            return both + auth + disconnect + [.connack, .suback, .unsuback, .pingresp]
        }
    }

    mutating func packet(for role: MQTTRole) -> MQTTPacket {
        packet(pick(Self.types(for: role, version: version)), for: role)
    }

    mutating func packet(_ type: MQTTPacketType, for role: MQTTRole = .server) -> MQTTPacket {
        switch type {
        case .connect: return .connect(connect())
        case .connack: return .connack(connack())
        case .publish: return .publish(publish(for: role))
        case .puback: return .puback(publishAck(.puback))
        case .pubrec: return .pubrec(publishAck(.pubrec))
        case .pubrel: return .pubrel(publishAck(.pubrel))
        case .pubcomp: return .pubcomp(publishAck(.pubcomp))
        case .subscribe:
            let subscriptions = list { $0.subscription() }
            return .subscribe(
                Subscribe(packetID: id(), subscriptions: subscriptions, properties: properties(.subscribe))
            )
        case .suback:
            let codes = list { $0.reasonCode(.suback) }
            return .suback(Suback(packetID: id(), reasonCodes: codes, properties: properties(.suback)))
        case .unsubscribe:
            let filters = list { $0.text(atLeast: 1) }
            return .unsubscribe(Unsubscribe(packetID: id(), filters: filters, properties: properties(.unsubscribe)))
        case .unsuback:
            let codes = version == .v5 ? list { $0.reasonCode(.unsuback) } : []
            return .unsuback(Unsuback(packetID: id(), reasonCodes: codes, properties: properties(.unsuback)))
        case .pingreq: return .pingreq
        case .pingresp: return .pingresp
        case .disconnect:
            var list = properties(.disconnect)
            if role == .client { list.remove(.sessionExpiryInterval) }
            return .disconnect(Disconnect(reasonCode: reasonCode(.disconnect), properties: list))
        case .auth: return .auth(Auth(reasonCode: reasonCode(.auth), properties: properties(.auth)))
        }
    }

    mutating func connect() -> Connect {
        let userName = bool() ? text() : nil
        let password = bool() && (userName != nil || version == .v5) ? bytes() : nil
        return Connect(
            version: version,
            clientID: text(),
            cleanStart: bool(),
            keepAlive: UInt16.random(in: 0 ... .max, using: &random),
            will: bool() ? will() : nil,
            userName: userName,
            password: password,
            properties: properties(.connect)
        )
    }

    private mutating func will() -> Will {
        Will(topic: topic(), payload: bytes(), qos: qos(), retain: bool(), properties: properties(.will))
    }

    private mutating func connack() -> Connack {
        let codes: [MQTTReasonCode] =
            version == .v5
            ? MQTTReasonCode.allCases.filter { $0.isValid(in: .connack) }
            : [
                .success, .unsupportedProtocolVersion, .clientIdentifierNotValid, .serverUnavailable,
                .badUserNameOrPassword, .notAuthorized,
            ]
        let code = pick(codes)
        let sessionPresent = code == .success && version != .v3_1 && bool()
        return Connack(reasonCode: code, sessionPresent: sessionPresent, properties: properties(.connack))
    }

    mutating func publish(for role: MQTTRole) -> Publish {
        let qos = qos()
        var list = properties(.publish)
        if role == .server { list.remove(.subscriptionIdentifier) }
        let name = list.topicAlias != nil && bool() ? "" : topic()
        return Publish(
            topic: ByteBuffer(string: name),
            payload: bytes(),
            qos: qos,
            dup: qos != .atMostOnce && bool(),
            retain: bool(),
            packetID: qos == .atMostOnce ? 0 : id(),
            properties: list
        )
    }

    private mutating func publishAck(_ type: MQTTPacketType) -> PublishAck {
        PublishAck(packetID: id(), reasonCode: reasonCode(type), properties: properties(.publishAck))
    }

    private mutating func subscription() -> Subscription {
        guard version == .v5 else { return Subscription(filter: text(atLeast: 1), qos: qos()) }
        return Subscription(
            filter: text(atLeast: 1),
            qos: qos(),
            noLocal: bool(),
            retainAsPublished: bool(),
            retainHandling: pick(Subscription.RetainHandling.allCases)
        )
    }

    private mutating func reasonCode(_ type: MQTTPacketType) -> MQTTReasonCode {
        if version == .v5 { return pick(MQTTReasonCode.allCases.filter { $0.isValid(in: type) }) }
        return type == .suback ? pick([.success, .grantedQoS1, .grantedQoS2, .unspecifiedError]) : .success
    }
}

// Properties.
extension PacketGenerator {
    mutating func properties(_ place: MQTTPropertyID.Place) -> MQTTProperties {
        guard version == .v5, bool() else { return [] }
        var list: [MQTTProperty] = []
        for id in MQTTPropertyID.allCases where id.isAllowed(in: place) && bool() {
            // Authentication data stands only beside a method.
            if id == .authenticationData && !list.contains(where: { $0.id == .authenticationMethod }) { continue }
            list.append(property(id))
            if id == .userProperty { list.append(property(id)) }
        }
        return MQTTProperties(list)
    }

    mutating func property(_ id: MQTTPropertyID) -> MQTTProperty {
        switch id {
        case .payloadFormatIndicator: .payloadFormatIndicator(bool())
        case .messageExpiryInterval: .messageExpiryInterval(.random(in: 0 ... .max, using: &random))
        case .contentType: .contentType(text())
        case .responseTopic: .responseTopic(topic())
        case .correlationData: .correlationData(bytes())
        case .subscriptionIdentifier: .subscriptionIdentifier(.random(in: 1...268_435_455, using: &random))
        case .sessionExpiryInterval: .sessionExpiryInterval(.random(in: 0 ... .max, using: &random))
        case .assignedClientIdentifier: .assignedClientIdentifier(text())
        case .serverKeepAlive: .serverKeepAlive(.random(in: 0 ... .max, using: &random))
        case .authenticationMethod: .authenticationMethod(text())
        case .authenticationData: .authenticationData(bytes())
        case .requestProblemInformation: .requestProblemInformation(bool())
        case .willDelayInterval: .willDelayInterval(.random(in: 0 ... .max, using: &random))
        case .requestResponseInformation: .requestResponseInformation(bool())
        case .responseInformation: .responseInformation(text())
        case .serverReference: .serverReference(text())
        case .reasonString: .reasonString(text())
        case .receiveMaximum: .receiveMaximum(.random(in: 1 ... .max, using: &random))
        case .topicAliasMaximum: .topicAliasMaximum(.random(in: 0 ... .max, using: &random))
        case .topicAlias: .topicAlias(.random(in: 1 ... .max, using: &random))
        case .maximumQoS: .maximumQoS(bool() ? .atLeastOnce : .atMostOnce)
        case .retainAvailable: .retainAvailable(bool())
        case .userProperty: .userProperty(name: text(), value: text())
        case .maximumPacketSize: .maximumPacketSize(.random(in: 1 ... .max, using: &random))
        case .wildcardSubscriptionAvailable: .wildcardSubscriptionAvailable(bool())
        case .subscriptionIdentifiersAvailable: .subscriptionIdentifiersAvailable(bool())
        case .sharedSubscriptionAvailable: .sharedSubscriptionAvailable(bool())
        }
    }
}

// Primitives.
extension PacketGenerator {
    mutating func bool() -> Bool { Bool.random(using: &random) }

    mutating func id() -> UInt16 { UInt16.random(in: 1 ... .max, using: &random) }

    mutating func qos() -> MQTTQoS { pick(MQTTQoS.allCases) }

    mutating func text(atLeast minimum: Int = 0) -> String {
        let count = Int.random(in: minimum...12, using: &random)
        return String((0..<count).map { _ in pick(Array("abcXYZ019/$ äß€😀")) })
    }

    mutating func topic() -> String { "t" + text() }

    mutating func bytes() -> ByteBuffer {
        let count = Int.random(in: 0...(Int.random(in: 0..<8, using: &random) == 0 ? 300 : 20), using: &random)
        return ByteBuffer(bytes: (0..<count).map { _ in UInt8.random(in: 0 ... .max, using: &random) })
    }

    /// One of a list that is never empty.
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &random)]
    }

    private mutating func list<Element>(_ make: (inout PacketGenerator) -> Element) -> [Element] {
        (0..<Int.random(in: 1...4, using: &random)).map { _ in make(&self) }
    }
}
