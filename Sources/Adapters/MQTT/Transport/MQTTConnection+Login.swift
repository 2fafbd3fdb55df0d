internal import AdapterTransport
internal import AdaptersCore
internal import MQTTCodec
internal import MQTTSession
internal import Messaging
internal import Model
internal import NIOCore

extension MQTTConnection {
    /// Finds out whose key the password is, or the one in the client's certificate. A user name, if there is one, must be the
    /// thing's id.
    func authenticate(_ connect: Connect) {
        let key: ThingKey
        do throws(Refusal) {
            key = try shownKey(in: connect).get()
        } catch {
            return refuse(error)
        }
        if let will = connect.will,
            (try? component.limits.topics.topic(
                ByteBuffer(string: will.topic).readableBytesView,
                contentType: will.properties.contentType
            )) == nil
        {
            return answer(.refused(.topicNameInvalid))
        }
        wait()
        loop.access.identify(key, at: loop.now) { identified in
            guard self.session.phase == .authenticating else { return }
            switch identified {
            case .granted(let known): self.logIn(connect, known)
            case .refused: self.refuse(.unknownKey)
            case .unavailable: self.answer(.refused(.serverUnavailable))
            }
            self.goOn()
        }
    }

    private func shownKey(in connect: Connect) -> Result<ThingKey, Refusal> {
        if let open = component.limits.openTopics { return .success(open.key) }
        return peer.certificate.key(besides: [connect.shownKey])
    }

    private func logIn(_ connect: Connect, _ key: KnownKey) {
        let name = connect.userName ?? ""
        guard name.isEmpty || component.limits.openTopics != nil || Thing.ID(name) == key.identity.thing else {
            return answer(.refused(.badUserNameOrPassword))
        }
        let clientID = connect.clientID.isEmpty ? UniqueID.random().description : connect.clientID
        let client = MQTTClient(thing: key.identity.thing, clientID: ExactText(clientID))
        let (registration, takesOver) = component.registry.take(
            client,
            NIOLoopBound(self, eventLoop: loop.eventLoop),
            isClean: connect.cleanStart
        )
        guard loop.tenants.take(.connection, of: key.identity.tenant, inPlaceOfAnother: takesOver) else {
            // Nobody may take the place of one that has none.
            component.registry.leave(registration)
            refusal = .quotaExceeded
            return answer(.refused(.quotaExceeded))
        }
        self.registration = registration
        self.key = key
        component.loggedIn(self, key)
        liftLimit()
        openSession(connect, client)
    }

    /// Turns the client away: it showed no good password, or its certificate was asked for and is no good.
    private func refuse(_ reason: Refusal) {
        refusal = reason
        answer(.refused(peer.certificate == .notAsked ? .badUserNameOrPassword : .notAuthorized))
    }

    func answer(_ outcome: AuthenticationOutcome) {
        let now = now
        feed { session, actions in session.authenticated(outcome, at: now, into: &actions) }
    }
}

extension Connect {
    /// The thing key that the password is; an empty one counts as left out.
    fileprivate var shownKey: ShownKey {
        guard let password, password.readableBytes > 0 else { return .none }
        return ShownKey(String(validating: password.readableBytesView, as: UTF8.self).flatMap { ThingKey($0) })
    }
}
