internal import AdapterTransport
internal import Messaging
internal import Model
internal import NIOCore
internal import Synchronization

/// Which connection a client has.
///
/// Locked once when a client comes and once when it goes.
package final class ClientRegistry: Sendable {
    /// A connection's place in it.
    struct Registration: Hashable, Sendable {
        let client: MQTTClient
        fileprivate let number: UInt64
    }

    /// A will whose client may still come back.
    private struct DelayedWill: Sendable {
        let number: UInt64
        let publish: NIOLoopBound<() -> Void>
    }

    private struct State {
        var lastNumber: UInt64 = 0
        var clients: [MQTTClient: (number: UInt64, connection: NIOLoopBound<MQTTConnection>)] = [:]
        /// Connections whose client has come again, and whether it started anew; until they have left.
        var successors: [Registration: Bool] = [:]
        var wills: [MQTTClient: DelayedWill] = [:]
    }

    private let state = Mutex(State())
    private let announce: @Sendable (_ client: MQTTClient, _ isClean: Bool) -> Void

    /// - Parameter announce: tells other programs that a client is here, and whether it starts anew.
    package init(announce: @escaping @Sendable (_ client: MQTTClient, _ isClean: Bool) -> Void = { _, _ in }) {
        self.announce = announce
    }

    /// Enters a connection and ends the one that had the identifier before it [MQTT-3.1.4-3]. Answers whether there was one.
    ///
    /// - Parameter isClean: whether the client starts anew.
    func take(
        _ client: MQTTClient,
        _ connection: NIOLoopBound<MQTTConnection>,
        isClean: Bool
    ) -> (registration: Registration, takesOver: Bool) {
        let (number, former) = state.withLock { state in
            state.lastNumber += 1
            let former = state.clients.updateValue((state.lastNumber, connection), forKey: client)
            if let former { state.successors[Registration(client: client, number: former.number)] = isClean }
            return (state.lastNumber, former?.connection)
        }
        former?.eventLoop.execute { former?.value.takenOver() }
        announce(client, isClean)
        return (Registration(client: client, number: number), former != nil)
    }

    /// Removes a connection, unless another has taken its place.
    func leave(_ registration: Registration) {
        state.withLock { state in
            state.successors[registration] = nil
            guard state.clients[registration.client]?.number == registration.number else { return }
            state.clients[registration.client] = nil
        }
    }

    /// Ends the connection of a client that has connected elsewhere.
    ///
    /// - Parameter isClean: whether it starts anew there; nil if that isn't known.
    package func end(_ client: MQTTClient, isClean: Bool?) {
        let connection = state.withLock { state -> NIOLoopBound<MQTTConnection>? in
            guard let entry = state.clients[client] else { return nil }
            if let isClean { state.successors[Registration(client: client, number: entry.number)] = isClean }
            return entry.connection
        }
        connection?.eventLoop.execute { connection?.value.takenOver() }
    }

    // MARK: Wills that wait

    /// Publishes a will after a time, unless its client is back by then; at once if that has started anew.
    func publish(_ will: NIOLoopBound<() -> Void>, of registration: Registration, in time: TimeAmount) {
        let (number, successor) = state.withLock { state -> (UInt64, Bool?) in
            if let successor = state.successors[registration] { return (0, successor) }
            state.lastNumber += 1
            state.wills[registration.client] = DelayedWill(number: state.lastNumber, publish: will)
            return (state.lastNumber, nil)
        }
        switch successor {
        case true?: will.value()
        case false?: break
        case nil:
            will.eventLoop.scheduleTask(in: time) { self.takeWill(of: registration.client, number)?.publish.value() }
        }
    }

    /// The client is back, here or elsewhere: if it starts anew the session of its will is over, and else that goes on.
    package func endWait(of client: MQTTClient, isClean: Bool) {
        guard let will = takeWill(of: client, nil), isClean else { return }
        will.publish.eventLoop.execute { will.publish.value() }
    }

    private func takeWill(of client: MQTTClient, _ number: UInt64?) -> DelayedWill? {
        state.withLock { state in
            guard let will = state.wills[client], number == nil || will.number == number else { return nil }
            state.wills[client] = nil
            return will
        }
    }
}
