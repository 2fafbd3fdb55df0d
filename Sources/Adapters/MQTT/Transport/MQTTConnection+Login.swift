internal import AdapterTransport
internal import AdaptersCore
internal import MQTTCodec
internal import MQTTSession
internal import Messaging
internal import Model
internal import NIOCore

extension MQTTConnection {
    /// Finds out whose key the password is. A user name, if there is one, must be the thing's id.
    func authenticate(_ connect: Connect) {
        guard let password = connect.password, let text = String(validating: password.readableBytesView, as: UTF8.self),
            let key = ThingKey(text)
        else { return answer(.refused(.badUserNameOrPassword)) }
        if let will = connect.will,
            (try? MQTTTopicParser.topic(
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
            case .refused: self.answer(.refused(.badUserNameOrPassword))
            case .unavailable: self.answer(.refused(.serverUnavailable))
            }
            self.goOn()
        }
    }

    private func logIn(_ connect: Connect, _ key: KnownKey) {
        let name = connect.userName ?? ""
        guard name.isEmpty || Thing.ID(name) == key.identity.thing else {
            return answer(.refused(.badUserNameOrPassword))
        }
        let clientID = connect.clientID.isEmpty ? UniqueID.random().description : connect.clientID
        let client = ClientRegistry.Client(thing: key.identity.thing, clientID: ExactText(clientID))
        self.client = client
        identity = key.identity
        component.loggedIn(self, key.identity)
        component.registry.take(client, NIOLoopBound(self, eventLoop: loop.eventLoop))
        liftLimit()
        answer(.accepted(clientID: clientID))
    }

    private func answer(_ outcome: AuthenticationOutcome) {
        let now = now
        feed { session, actions in session.authenticated(outcome, at: now, into: &actions) }
    }
}
