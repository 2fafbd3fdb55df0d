/// One filter of a SUBSCRIBE with its options.
package struct Subscription: Equatable, Sendable {
    /// When retained messages are sent for a subscription (MQTT 5).
    package enum RetainHandling: UInt8, Sendable, CaseIterable {
        case onSubscribe = 0
        case onNewSubscribe = 1
        case never = 2
    }

    /// Not empty, and a valid string; its grammar is not checked.
    package var filter: String
    package var qos: MQTTQoS
    package var noLocal: Bool
    package var retainAsPublished: Bool
    package var retainHandling: RetainHandling

    package init(
        filter: String,
        qos: MQTTQoS,
        noLocal: Bool = false,
        retainAsPublished: Bool = false,
        retainHandling: RetainHandling = .onSubscribe
    ) {
        self.filter = filter
        self.qos = qos
        self.noLocal = noLocal
        self.retainAsPublished = retainAsPublished
        self.retainHandling = retainHandling
    }

    /// Whether MQTT 5 reads the filter as a shared subscription; to earlier versions it is an ordinary one.
    package var isShared: Bool { filter.hasPrefix("$share/") }
}

extension Subscription {
    private static let noLocalFlag: UInt8 = 0x04
    private static let retainAsPublishedFlag: UInt8 = 0x08

    /// Puts filter and options byte together; before MQTT 5 all but the QoS is reserved.
    init(filter: String, options: UInt8, version: MQTTVersion) throws(MQTTCodecError) {
        guard !filter.isEmpty else { throw .emptyTopicFilter }
        guard options & (version == .v5 ? 0xC0 : 0xFC) == 0 else { throw .reservedSubscriptionOptions }
        guard let qos = MQTTQoS(rawValue: options & 0b11) else { throw .invalidQoS }
        guard let handling = RetainHandling(rawValue: options >> 4 & 0b11) else { throw .invalidRetainHandling }
        let noLocal = options & Self.noLocalFlag != 0
        self.init(
            filter: filter,
            qos: qos,
            noLocal: noLocal,
            retainAsPublished: options & Self.retainAsPublishedFlag != 0,
            retainHandling: handling
        )
        guard !noLocal || !isShared else { throw .noLocalOnSharedSubscription }
    }

    func options(version: MQTTVersion) -> UInt8 {
        guard version == .v5 else { return qos.rawValue }
        return qos.rawValue | (noLocal ? Self.noLocalFlag : 0) | (retainAsPublished ? Self.retainAsPublishedFlag : 0)
            | retainHandling.rawValue << 4
    }
}
