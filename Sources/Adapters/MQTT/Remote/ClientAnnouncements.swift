package import MQTTAdapter
internal import Model
package import NATSBus

/// Tells the other programs who has connected here, and hears it of them: a client that connects anew has left the connection that it had
/// [MQTT-3.1.4-3].
package final class ClientAnnouncements: Sendable {
    private static let subject = "fluxgate.mqtt.clients"

    private let connection: NATSConnection
    private let own = "\(UniqueID.random())"

    package init(_ connection: NATSConnection) { self.connection = connection }

    package func announce(_ client: MQTTClient, isClean: Bool) {
        connection.post(ClientName(client, from: own, isClean: isClean).encoded, to: Self.subject)
    }

    /// Ends the connections of those that others announce.
    package func follow(_ registry: ClientRegistry) {
        connection.subscribe(
            .init(Self.subject),
            NATSReceiver { [own] incoming in
                guard let name = ClientName(incoming.payload), name.from != own, let client = name.mqttClient else {
                    return
                }
                let isClean = name.isClean ?? false
                registry.end(client, isClean: isClean)
                registry.endWait(of: client, isClean: isClean)
            }
        )
    }
}
