internal import AdapterTransport
internal import Messaging
internal import Model
internal import NIOCore
internal import Synchronization

/// Which connection a client has.
///
/// Locked once when a client comes and once when it goes.
package final class ClientRegistry: Sendable {
    private let clients = Mutex<[MQTTClient: NIOLoopBound<MQTTConnection>]>([:])

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
}
