internal import AdapterTransport
internal import AdaptersCore
internal import MQTTCodec
internal import MQTTSession
internal import Messaging
internal import Model
internal import NIOCore

extension MQTTConnection {
    /// Publishes a message of the client. On the warm path topic and right are those of an earlier message.
    func publish(_ publish: Publish) {
        idleness.carried()
        let now = loop.now
        if pace.isLimited { keepPace(publish.payload.readableBytes, at: now) }
        let contentType = publish.properties.isEmpty ? nil : publish.properties.contentType
        if publish.qos == .exactlyOnce, let unknown = session.unknownExchanges {
            return publishUnlessStored(publish, contentType, unknown)
        }
        self.publish(publish, contentType, now)
    }

    private func publish(_ publish: Publish, _ contentType: String?, _ now: UInt64) {
        guard let key, key.isGood(at: now), let route = routes.route(publish.topic, contentType),
            let grant = route.grant, publish.payload.readableBytes <= component.limits.maximumMessage,
            !loop.isHeldUp(route.topic.channel, qos: publish.qos.rawValue)
        else { return publishAsNew(publish, contentType, now) }
        switch loop.publish(request(publish, route.topic), by: grant, at: now) {
        case .published: completed(publish, .accepted)
        case .storing: completedWhenStored(publish)
        case .stale, .unavailable: publishAsNew(publish, contentType, now)
        }
    }

    /// Who had the session before may have had the message stored, and gone before it could say so.
    private func publishUnlessStored(
        _ publish: Publish,
        _ contentType: String?,
        _ unknown: KeptSession.Unknown
    ) {
        guard let hold,
            let topic = try? component.limits.topics.topic(publish.topic.readableBytesView, contentType: contentType)
        else { return publishAsNew(publish, contentType, loop.now) }
        wait()
        let connection = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let (log, origin, place, eventLoop) = (hold.keeping.log, hold.origin, hold.place, loop.eventLoop)
        Task {
            let stored = try? await log.exchanges(of: origin, on: topic, after: place)
            eventLoop.execute {
                let isStored = stored?.lazy.map(KeptSession.Exchange.init(packed:))
                    .contains { $0.packetID == publish.packetID && unknown.contains($0) }
                switch isStored {
                case nil: connection.value.completed(publish, .unavailable)
                case true?: connection.value.completed(publish, .accepted)
                case false?: connection.value.publish(publish, contentType, connection.value.loop.now)
                }
                connection.value.goOn()
            }
        }
    }

    /// Counts a message, and reads nothing more before the next one may come.
    private func keepPace(_ bytes: Int, at now: UInt64) {
        guard let tenant = identity?.tenant else { return }
        let pause = pace.charge(bytes, of: tenant, at: now)
        guard pause > 0 else { return }
        loop.counters.throttledMQTT.add()
        wait()
        let time = TimeAmount.nanoseconds(Int64(clamping: pause))
        loop.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: time) { self.goOn() }
    }

    private func publishAsNew(_ publish: Publish, _ contentType: String?, _ now: UInt64) {
        guard publish.payload.readableBytes <= component.limits.maximumMessage else {
            return completed(publish, .tooLarge)
        }
        do throws(MQTTCodecError) {
            _ = try publish.validatedTopic()
        } catch {
            return feed { session, actions in session.failed(error, version: session.version, into: &actions) }
        }
        let topic: Topic
        do throws(TopicError) {
            topic = try component.limits.topics.topic(publish.topic.readableBytesView, contentType: contentType)
        } catch {
            return completed(publish, .topicInvalid)
        }
        guard let key else { return }
        wait()
        let request = request(publish, topic)
        let loop = loop
        isWaitingForRoom = true
        loop.whenThereIsRoom(topic.channel, qos: request.qos) {
            self.isWaitingForRoom = false
            self.publish(publish, request, contentType, key)
        }
    }

    private func publish(_ publish: Publish, _ request: PublishRequest, _ contentType: String?, _ key: KnownKey) {
        let loop = loop, topic = request.topic
        loop.access.authorize(key, topic.channel, clock: { loop.now }) { authorized in
            guard self.session.phase == .connected else {
                // The client is gone, but its message had come; not so if it was cut off.
                // Of a session that goes on, what isn't acknowledged comes again.
                if case .granted(let grant) = authorized, self.refusal != .rightTaken,
                    publish.qos == .atMostOnce || self.session.left == nil,
                    self.refusal != .revokedCertificate
                {
                    _ = loop.publish(request, by: grant, at: loop.now)
                }
                return
            }
            switch authorized {
            case .granted(let grant):
                self.routes.insert(Route(topic: topic, grant: grant), publish.topic, contentType)
                switch loop.publish(request, by: grant, at: loop.now) {
                case .published: self.completed(publish, .accepted)
                case .storing: self.completedWhenStored(publish)
                case .stale, .unavailable: self.completed(publish, .unavailable)
                }
            case .refused:
                loop.counters.accessChecks.add()
                self.completed(publish, .notAuthorized)
            case .unavailable:
                self.completed(publish, .unavailable)
            }
            self.goOn()
        }
    }

    private func request(_ publish: Publish, _ topic: Topic) -> PublishRequest {
        PublishRequest(
            topic: topic,
            payload: publish.payload,
            source: .mqtt,
            qos: publish.qos.rawValue,
            origin: origin,
            retain: publish.retain,
            exchange: publish.qos == .exactlyOnce ? session.exchange(of: publish.packetID)?.packed ?? 0 : 0,
            properties: publish.properties.isEmpty ? nil : MessageProperties(publish.properties, at: loop.wallClock)
        )
    }

    /// Acknowledges the message when it is stored, and waits with what is read while many are.
    private func completedWhenStored(_ publish: Publish) {
        guard publish.qos != .atMostOnce else { return }
        let unsettled = UnsettledPublish(publish)
        unsettledPublishes.append(unsettled)
        loop.whenStored { isStored in
            unsettled.outcome = isStored ? .accepted : .unavailable
            self.settlePublishes()
        }
        guard unsettledPublishes.count >= MQTTLimits.maximumUnsettled, !isWaitingForStorage else { return }
        isWaitingForStorage = true
        wait()
    }

    /// Acknowledgements go out in the order of the messages [MQTT-4.6.0-2].
    private func settlePublishes() {
        while let first = unsettledPublishes.first, let outcome = first.outcome {
            unsettledPublishes.removeFirst()
            if let left = hold?.left {
                guard outcome == .accepted, first.publish.qos == .exactlyOnce else { continue }
                hold?.left = left.map { $0.received(first.publish.packetID) }
            } else {
                answer(first.publish, outcome)
            }
        }
        guard unsettledPublishes.isEmpty else { return }
        giveSessionBack()
        if isWaitingForStorage {
            isWaitingForStorage = false
            goOn()
        }
        endIfDone()
    }

    private func completed(_ publish: Publish, _ outcome: PublishOutcome) {
        guard unsettledPublishes.isEmpty || publish.qos == .atMostOnce else {
            let unsettled = UnsettledPublish(publish)
            unsettled.outcome = outcome
            return unsettledPublishes.append(unsettled)
        }
        answer(publish, outcome)
    }

    private func answer(_ publish: Publish, _ outcome: PublishOutcome) {
        // If the answer got lost the client would send the message again, behind later ones that were taken.
        if outcome == .unavailable, publish.qos != .atMostOnce, hold != nil { return end(.serverBusy, .unavailable) }
        // QoS 0 has nothing to acknowledge; MQTT 5 has no answer to a refused one, so it is only counted.
        if publish.qos == .atMostOnce {
            if outcome == .accepted { return }
            if session.version == .v5 { peer.refused(Refusal(outcome), .mqtt) }
        } else if outcome != .accepted, session.version == .v5 {
            peer.refused(Refusal(outcome), .mqtt)
        }
        feed { session, actions in
            session.publishCompleted(outcome, qos: publish.qos, packetID: publish.packetID, into: &actions)
        }
    }

    /// Publishes the last will: at once, or when the client hasn't come back to its session in the time that it has for that
    /// [MQTT-3.1.3-9]. One that came by a revoked certificate isn't heard any more.
    func publish(_ will: Will) {
        guard refusal != .revokedCertificate, let identity else { return }
        let delay = min(will.properties.willDelayInterval ?? 0, session.expiry)
        guard delay > 0, hold != nil, let registration else { return publish(will, of: identity) }
        let publish = { self.publish(will, of: identity) }
        component.registry.publish(
            NIOLoopBound(publish, eventLoop: loop.eventLoop),
            of: registration,
            in: .seconds(Int64(delay))
        )
    }

    /// Publishes the last will, if the thing may still publish there.
    private func publish(_ will: Will, of identity: ThingIdentity) {
        guard
            let topic = try? component.limits.topics.topic(
                ByteBuffer(string: will.topic).readableBytesView,
                contentType: will.properties.contentType
            )
        else { return }
        let request = PublishRequest(
            topic: topic,
            payload: will.payload,
            source: .mqtt,
            qos: will.qos.rawValue,
            origin: origin,
            retain: will.retain,
            properties: MessageProperties(will.properties, at: loop.wallClock)
        )
        let loop = loop
        loop.access.authorize(identity, topic.channel, at: loop.now) { authorized in
            guard case .granted(let grant) = authorized else { return self.peer.refused(.notAuthorized, .mqtt) }
            switch loop.publish(request, by: grant, at: loop.now) {
            case .published, .storing: break
            case .stale: self.peer.refused(.notAuthorized, .mqtt)
            case .unavailable: self.peer.refused(.unavailable, .mqtt)
            }
        }
    }
}

/// A message that isn't acknowledged yet.
final class UnsettledPublish {
    private(set) var publish: Publish
    var outcome: PublishOutcome?

    init(_ publish: Publish) {
        self.publish = publish
        // What is stored elsewhere needn't be kept here.
        self.publish.payload = ByteBuffer()
    }
}

/// A topic that the client published to, and its right to.
struct Route {
    let topic: Topic
    let grant: ChannelGrant?
}

/// The topics that a client used last. Most publish to one and some to a few: beyond that they are parsed again.
struct RouteCache {
    private struct Entry {
        let name: ByteBuffer
        let contentType: ExactText?
        let route: Route
    }

    private static let capacity = 8
    /// The one used last stands first.
    private var entries: [Entry] = []

    mutating func route(_ name: ByteBuffer, _ contentType: String?) -> Route? {
        let contentType = contentType.map(ExactText.init)
        guard
            let index = entries.firstIndex(where: { $0.name == name && $0.contentType == contentType })
        else { return nil }
        if index > 0 { entries.swapAt(0, index) }
        return entries[0].route
    }

    mutating func insert(_ route: Route, _ name: ByteBuffer, _ contentType: String?) {
        let contentType = contentType.map(ExactText.init)
        entries.removeAll { $0.name == name && $0.contentType == contentType }
        if entries.count >= Self.capacity { entries.removeLast() }
        // A copy of its own: the slice would hold on to the whole read buffer.
        entries.insert(
            Entry(name: ByteBuffer(bytes: name.readableBytesView), contentType: contentType, route: route),
            at: 0
        )
    }
}

extension Refusal {
    init(_ outcome: PublishOutcome) {
        switch outcome {
        case .accepted, .notAuthorized: self = .notAuthorized
        case .topicInvalid: self = .badTopic
        case .unavailable: self = .unavailable
        case .quotaExceeded: self = .overflow
        case .tooLarge: self = .tooLarge
        }
    }
}
