internal import AdapterTransport
internal import AdaptersCore
internal import Messaging
internal import Model
internal import NIOCore
internal import NIOHTTP1

/// `GET /channels/<id>/messages[/<subtopic filter>]` with an upgrade: opens a WebSocket on a channel (contract section 4.2).
final class WSEndpoint: HTTPEndpoint {
    private let component: WSComponent
    let peer: ConnectionPeer
    private let version: String

    init(component: WSComponent, peer: ConnectionPeer, version: String) {
        self.component = component
        self.peer = peer
        self.version = version
    }

    func refused(_ answer: HTTPAnswer) {
        if let reason = answer.refusal { peer.refused(reason, .ws) }
    }

    func refuse(_ head: HTTPRequestHead, _ facts: RequestFacts, from sender: ConnectionPeer) -> HTTPAnswer? {
        guard head.uri.utf8.first == UInt8(ascii: "/") else { return .notAPath }
        if head.uri.utf8.prefix(while: { $0 != UInt8(ascii: "?") }).elementsEqual("/version".utf8) {
            return head.method == .GET || head.method == .HEAD
                ? .version("websocket", version) : .methodNotAllowed("GET, HEAD")
        }
        do {
            guard try MessagePath(target: head.uri) != nil else { return .unknownRoute }
        } catch {
            return head.method == .GET ? .notAuthorized : .methodNotAllowed("GET")
        }
        guard head.method == .GET else { return .methodNotAllowed("GET") }
        if let answer = WebSocketHandshake.refusal(head) { return answer }
        return facts.authorizations > 1 ? .badRequest("more than one Authorization header") : nil
    }

    func respond(
        to head: HTTPRequestHead,
        _ facts: RequestFacts,
        from sender: ConnectionPeer,
        body: ByteBuffer,
        reply: any HTTPReply
    ) -> HTTPOutcome {
        guard let path = try? MessagePath(target: head.uri), let query = HandshakeQuery(target: head.uri) else {
            return .answer(.badRequest("the query can't be decoded"))
        }
        let key: ThingKey
        do throws(Refusal) {
            key = try sender.certificate.key(
                besides: [Credentials.shown(facts.authorization)] + query.authorizations.map(Credentials.shown)
            ).get()
        } catch {
            return .answer(.refused(error))
        }
        let contentType = facts.contentType.isEmpty ? query.contentType ?? "" : facts.contentType

        let answer = LateAnswer(reply)
        admit(key, to: path.channel) { admitted in
            switch admitted {
            case .granted(let admission): answer.finish(self.open(head, path, admission, contentType, sender))
            case .unknownKey: answer.finish(.answer(.refused(.unknownKey)))
            case .refused: answer.finish(.answer(.notAuthorized))
            case .unavailable: answer.finish(.answer(.unavailable))
            }
        }
        return answer.outcome
    }

    /// Decides whether the client may come in. What is published once it has its answer must come to it, so the channel is
    /// joined first; a right that is taken meanwhile has no session yet that an event could end, so it is asked for again.
    private func admit(_ key: ThingKey, to channel: ChannelID, _ then: @escaping (AdmissionAnswer) -> Void) {
        let loop = component.loop
        loop.access.admit(key, to: channel, clock: { loop.now }) { admitted in
            guard case .granted(let admission) = admitted else { return then(admitted) }
            loop.interest.expect(channel) {
                if admission.isLive { then(admitted) } else { self.admit(key, to: channel, then) }
            }
        }
    }

    private func open(
        _ head: HTTPRequestHead,
        _ path: MessagePath,
        _ admission: Admission,
        _ contentType: String,
        _ sender: ConnectionPeer
    ) -> HTTPOutcome {
        let filter: SubtopicFilter
        let topic: Topic?
        do throws(TopicError) {
            filter = try SubtopicFilter(natsStyle: try path.rest.get()[...])
            // Checked also where nothing can be published.
            let named = try Topic(channel: path.channel, subtopic: filter.literal ?? .none, contentType: contentType)
            topic = filter.literal == nil ? nil : named
        } catch {
            return .answer(.badRequest(error.explanation, .badTopic))
        }
        let component = component
        guard component.loop.tenants.hasRoom(for: [.connection, .subscription], of: admission.key.identity.tenant)
        else {
            return .answer(.quotaExceeded)
        }
        let connection = WSConnection(
            component: component,
            peer: sender,
            admission: admission,
            filter: filter,
            topic: topic
        )
        return .upgrade(WebSocketHandshake.acceptance(head)) { channel in
            try channel.addWebSocketHandlers(connection, maximumFrame: component.maximumMessage)
        }
    }
}
