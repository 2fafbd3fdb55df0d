/// What of a session outlives its connection, beside its subscriptions (MQTT 5, section 4.1).
///
/// Its messages of QoS 1 and 2 stay where they are, in a log that gives each a place: what was sent and not acknowledged, and
/// how far the client has got, is all that has to be kept of them.
package struct KeptSession: Equatable, Sendable, Codable {
    /// A message to the client that has gone out, and whose exchange isn't at its end.
    package struct InFlight: Equatable, Sendable, Codable {
        package let place: UInt64
        package let packetID: UInt16
        package let stage: DeliveryStage

        package init(place: UInt64, packetID: UInt16, stage: DeliveryStage) {
            self.place = place
            self.packetID = packetID
            self.stage = stage
        }
    }

    /// Places from here on aren't of the log but of the messages that are retained for later subscribers.
    package static let firstRetained: UInt64 = 1 << 63

    package static func isRetained(_ place: UInt64) -> Bool { place >= firstRetained }

    /// In the order in which they went out.
    package var inFlight: [InFlight] = []
    /// Up to this place the client has been sent what was for it.
    package var sent: UInt64
    /// Messages of QoS 2 from the client that it was told PUBREC for, and that it hasn't released.
    package var unreleased: [UInt16] = []
    package var lastPacketID: UInt16 = 0
    /// How many exchanges of QoS 2 the client has begun.
    package var begunExchanges: UInt64 = 0
    /// Those whose message is on its way to where it is stored.
    package var routing: [Exchange] = []

    /// A message of QoS 2 from the client, as it is stored with it.
    package struct Exchange: Hashable, Sendable, Codable {
        /// Counted from 1.
        package let number: UInt64
        package let packetID: UInt16

        package init(number: UInt64, packetID: UInt16) {
            self.number = number
            self.packetID = packetID
        }
    }

    /// After a crash: messages that were stored and not noted here were received too, and the client will send them again.
    package mutating func recover(_ stored: some Sequence<Exchange>) {
        for exchange in stored where exchange.number > begunExchanges || routing.contains(exchange) {
            if !unreleased.contains(exchange.packetID) { unreleased.append(exchange.packetID) }
            begunExchanges = max(begunExchanges, exchange.number)
        }
        routing = []
    }

    /// Exchanges whose messages may have been stored although the session doesn't know it; the client sends those again that it
    /// doesn't know of either, before any others [MQTT-4.6.0-1].
    package struct Unknown: Equatable, Sendable, Codable {
        fileprivate let after: UInt64
        fileprivate let upTo: UInt64
        fileprivate let routing: [Exchange]

        package func contains(_ exchange: Exchange) -> Bool {
            exchange.number > after && exchange.number <= upTo || routing.contains(exchange)
        }
    }

    /// The most that can be under way at a time: each has a packet identifier.
    private static let most: UInt64 = 65_536

    package var unknown: Unknown?

    /// Who had the session is gone and hasn't given it back. What it may have begun has numbers that aren't given again.
    package mutating func tear() {
        doubt(upTo: begunExchanges &+ Self.most)
        begunExchanges &+= Self.most
    }

    /// What is still being routed may have been stored or not.
    package mutating func giveUpRouting() {
        if !routing.isEmpty { doubt(upTo: unknown?.upTo ?? begunExchanges) }
    }

    private mutating func doubt(upTo last: UInt64) {
        unknown = Unknown(
            after: unknown?.after ?? begunExchanges,
            upTo: last,
            routing: (unknown?.routing ?? []) + routing
        )
        routing = []
    }

    /// A message that was being routed has been stored.
    package mutating func received(_ id: UInt16) {
        routing.removeAll { $0.packetID == id }
        unreleased.append(id)
    }

    /// A new one, for what comes behind this place of the log.
    package init(from place: UInt64) { sent = place }
}

/// Which packet ends the wait for an acknowledgement: QoS 1 `puback`, QoS 2 `pubrec` → `pubcomp`.
package enum DeliveryStage: UInt8, Sendable, Codable {
    case puback
    case pubrec
    case pubcomp
}

/// How the session of a client that has logged in goes on.
package struct SessionTerms: Equatable, Sendable {
    package let session: KeptSession
    /// Whether it is one of an earlier connection.
    package let isPresent: Bool
    /// Seconds that it outlives its connection; `.max`: for ever.
    package let expiry: UInt32

    package init(_ session: KeptSession, isPresent: Bool, expiry: UInt32) {
        self.session = session
        self.isPresent = isPresent
        self.expiry = expiry
    }
}
