internal import AdapterTransport
internal import Messaging
internal import Model
internal import NIOCore
internal import Synchronization

/// Which connection has a client identifier. It belongs to the thing that uses it: another thing with the same identifier
/// is another client, and can't end this one.
///
/// Locked once when a client comes and once when it goes.
package final class ClientRegistry: Sendable {
    struct Client: Hashable {
        let thing: Thing.ID
        let clientID: ExactText
    }

    private let clients = Mutex<[Client: NIOLoopBound<MQTTConnection>]>([:])

    package init() {}

    /// Enters a connection and ends the one that had the identifier before it [MQTT-3.1.4-3]. Answers whether there was one.
    func take(_ client: Client, _ connection: NIOLoopBound<MQTTConnection>) -> Bool {
        let former = clients.withLock { clients in
            clients.updateValue(connection, forKey: client)
        }
        former?.eventLoop.execute { former?.value.takenOver() }
        return former != nil
    }

    /// Removes a connection, unless another has taken its place.
    func leave(_ client: Client, _ connection: MQTTConnection) {
        clients.withLock { clients in
            guard let entry = clients[client], entry.eventLoop === connection.loop.eventLoop,
                entry.value === connection
            else { return }
            clients[client] = nil
        }
    }
}
