internal import AdapterTransport
internal import Messaging
internal import Model
internal import NIOCore
internal import Synchronization

/// Which connection a client has.
///
/// Locked once when a client comes and once when it goes.
package final class ClientRegistry: Sendable {
    /// A will whose client may still come back.
    struct DelayedWill: Sendable {
        fileprivate let number: UInt64
        let publish: NIOLoopBound<() -> Void>
    }

    private let clients = Mutex<[MQTTClient: NIOLoopBound<MQTTConnection>]>([:])
    private let wills = Mutex<(number: UInt64, waiting: [MQTTClient: DelayedWill])>((0, [:]))

    package init() {}

    /// Enters a connection and ends the one that had the identifier before it [MQTT-3.1.4-3]. Answers whether there was one.
    func take(_ client: MQTTClient, _ connection: NIOLoopBound<MQTTConnection>) -> Bool {
        let former = clients.withLock { clients in
            clients.updateValue(connection, forKey: client)
        }
        former?.eventLoop.execute { former?.value.takenOver() }
        return former != nil
    }

    /// Removes a connection, unless another has taken its place.
    func leave(_ client: MQTTClient, _ connection: MQTTConnection) {
        clients.withLock { clients in
            guard let entry = clients[client], entry.eventLoop === connection.loop.eventLoop,
                entry.value === connection
            else { return }
            clients[client] = nil
        }
    }

    /// Publishes a will after a time, unless it is taken before.
    func publish(_ will: NIOLoopBound<() -> Void>, of client: MQTTClient, in time: TimeAmount) {
        let number = wills.withLock { wills in
            wills.number += 1
            wills.waiting[client] = DelayedWill(number: wills.number, publish: will)
            return wills.number
        }
        will.eventLoop.scheduleTask(in: time) { self.takeWill(of: client, number)?.publish.value() }
    }

    /// The will of a client that is back.
    func takeWill(of client: MQTTClient) -> DelayedWill? { takeWill(of: client, nil) }

    private func takeWill(of client: MQTTClient, _ number: UInt64?) -> DelayedWill? {
        wills.withLock { wills in
            guard let will = wills.waiting[client], number == nil || will.number == number else { return nil }
            wills.waiting[client] = nil
            return will
        }
    }
}
