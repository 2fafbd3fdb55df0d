internal import AdapterTransport
internal import AdaptersCore
internal import Messaging
internal import Model
internal import NIOCore
internal import NIOHTTP1

/// `POST /channels/<id>/messages[/<subtopic>]`: publishes one message (contract section 4.1).
///
/// A connection that repeats itself is served from what it learnt: the key, the topic and the right of its last request are
/// kept, and looked at again for every message. Behind a proxy the next request may be another thing's: they are good
/// beside the same certificate only.
final class PublishEndpoint: HTTPEndpoint {
    /// What the last request was about.
    private struct Last {
        let certificate: ClientCertificate
        let authorization: String
        let uri: ExactText
        let contentType: ExactText
        let key: KnownKey
        let topic: Topic
        let grant: ChannelGrant
    }

    private let loop: AdapterLoop
    let peer: ConnectionPeer
    private let version: String
    private var last: Last?
    private var pace: PublishPace

    init(loop: AdapterLoop, peer: ConnectionPeer, version: String) {
        self.loop = loop
        self.peer = peer
        self.version = version
        self.pace = PublishPace(on: loop)
    }

    func refused(_ answer: HTTPAnswer) {
        if let reason = answer.refusal { peer.refused(reason, .http) }
    }

    // MARK: Before the body

    func refuse(_ head: HTTPRequestHead, _ facts: RequestFacts, from sender: ConnectionPeer) -> HTTPAnswer? {
        let certificate = sender.certificate
        if let last, ExactText(head.uri) == last.uri, head.method == .POST {
            return refuseCredentials(facts, certificate)
        }
        guard head.uri.utf8.first == UInt8(ascii: "/") else { return .notAPath }
        if head.uri.utf8.prefix(while: { $0 != UInt8(ascii: "?") }).elementsEqual("/version".utf8) {
            return head.method == .GET || head.method == .HEAD
                ? .version("http", version) : .methodNotAllowed("GET, HEAD")
        }
        do {
            guard try MessagePath(target: head.uri) != nil else { return .unknownRoute }
        } catch {
            return head.method == .POST
                ? refuseCredentials(facts, certificate) ?? .notAuthorized : .methodNotAllowed("POST")
        }
        guard head.method == .POST else { return .methodNotAllowed("POST") }
        return refuseCredentials(facts, certificate)
    }

    private func refuseCredentials(_ facts: RequestFacts, _ certificate: ClientCertificate) -> HTTPAnswer? {
        guard facts.authorizations <= 1 else { return .badRequest("more than one Authorization header") }
        guard certificate != .notAsked else { return facts.authorization?.isEmpty ?? true ? .missingKey : nil }
        // The key of the last request has been compared with the certificate already.
        if let last, isSame(facts, certificate, last) { return nil }
        if case .failure(let reason) = key(facts, certificate) { return .refused(reason) }
        return nil
    }

    private func isSame(_ facts: RequestFacts, _ certificate: ClientCertificate, _ last: Last) -> Bool {
        certificate == last.certificate
            && constantTimeEquals((facts.authorization ?? "").utf8, last.authorization.utf8)
    }

    private func key(_ facts: RequestFacts, _ certificate: ClientCertificate) -> Result<ThingKey, Refusal> {
        certificate.key(besides: [Credentials.shown(facts.authorization)])
    }

    // MARK: The message

    func respond(
        to head: HTTPRequestHead,
        _ facts: RequestFacts,
        from sender: ConnectionPeer,
        body: ByteBuffer,
        reply: any HTTPReply
    ) -> HTTPOutcome {
        let now = loop.now
        guard let last, matches(last, head, facts, sender.certificate), last.key.isGood(at: now),
            !loop.isHeldUp(last.grant.channel, qos: 1)
        else {
            return respondAsNew(to: head, facts, sender.certificate, body, reply)
        }
        if let answer = refuseIfTooFast(body, of: last.key.identity.tenant, at: now) {
            return .answer(answer)
        }
        let request = PublishRequest(topic: last.topic, payload: body, source: .http, qos: 1, trace: facts.trace)
        switch loop.publish(request, by: last.grant, at: now) {
        case .published:
            return .answer(.accepted)
        case .storing:
            let answer = LateAnswer(reply)
            finishWhenStored(answer)
            return answer.outcome
        case .stale, .unavailable:
            return respondAsNew(to: head, facts, sender.certificate, body, reply, isCharged: true)
        }
    }

    /// Nil if the message may come now, and counts it.
    private func refuseIfTooFast(_ body: ByteBuffer, of tenant: Tenant.ID, at now: UInt64) -> HTTPAnswer? {
        guard pace.isLimited else { return nil }
        let wait = pace.wait(of: tenant, at: now)
        guard wait == 0 else { return .rateLimited(for: wait) }
        _ = pace.charge(body.readableBytes, of: tenant, at: now)
        return nil
    }

    private func finishWhenStored(_ answer: LateAnswer) {
        loop.whenStored { isStored in answer.finish(.answer(isStored ? .accepted : .unavailable)) }
    }

    private func matches(
        _ last: Last,
        _ head: HTTPRequestHead,
        _ facts: RequestFacts,
        _ certificate: ClientCertificate
    ) -> Bool {
        ExactText(head.uri) == last.uri && ExactText(facts.contentType) == last.contentType
            && isSame(facts, certificate, last)
    }

    private func respondAsNew(
        to head: HTTPRequestHead,
        _ facts: RequestFacts,
        _ certificate: ClientCertificate,
        _ body: ByteBuffer,
        _ reply: any HTTPReply,
        isCharged: Bool = false
    ) -> HTTPOutcome {
        guard case .success(let key) = key(facts, certificate), let path = try? MessagePath(target: head.uri) else {
            return refuse(.notAuthorized)
        }
        let answer = LateAnswer(reply)
        loop.access.admit(key, to: path.channel, clock: { [loop] in loop.now }) { admitted in
            switch admitted {
            case .granted(let admission):
                let tenant = admission.key.identity.tenant
                if !isCharged,
                    let refusal = self.refuseIfTooFast(body, of: tenant, at: self.loop.now)
                {
                    return answer.finish(.answer(refusal))
                }
                self.loop.whenThereIsRoom(path.channel, qos: 1) {
                    self.publish(head, facts, certificate, body, path, admission, answer)
                }
            case .unknownKey: answer.finish(self.refuse(.unknownKey))
            case .refused: answer.finish(self.refuse(.notAuthorized))
            case .unavailable: answer.finish(.answer(.unavailable))
            }
        }
        return answer.outcome
    }

    private func refuse(_ reason: Refusal) -> HTTPOutcome {
        loop.counters.accessChecks.add()
        return .answer(.refused(reason))
    }

    private func publish(
        _ head: HTTPRequestHead,
        _ facts: RequestFacts,
        _ certificate: ClientCertificate,
        _ body: ByteBuffer,
        _ path: MessagePath,
        _ admission: Admission,
        _ answer: LateAnswer
    ) {
        let topic: Topic
        do throws(TopicError) {
            let subtopic = try Subtopic(try path.rest.get()[...])
            topic = try Topic(channel: path.channel, subtopic: subtopic, contentType: facts.contentType)
        } catch {
            return answer.finish(.answer(.badRequest(error.explanation, .badTopic)))
        }
        let request = PublishRequest(topic: topic, payload: body, source: .http, qos: 1, trace: facts.trace)
        switch loop.publish(request, by: admission.grant, at: loop.now) {
        case .published: answer.finish(.answer(.accepted))
        case .storing: finishWhenStored(answer)
        case .stale, .unavailable: return answer.finish(.answer(.unavailable))
        }
        last = Last(
            certificate: certificate,
            authorization: facts.authorization ?? "",
            uri: ExactText(head.uri),
            contentType: ExactText(facts.contentType),
            key: admission.key,
            topic: topic,
            grant: admission.grant
        )
    }
}

extension RequestFacts {
    fileprivate var trace: TraceContext? { traceparent.flatMap { TraceContext(traceparent: $0) } }
}
