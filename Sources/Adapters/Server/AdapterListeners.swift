package import AdapterTransport
package import Bootstrap
package import Programs

extension StartUp {
    /// An adapter's listener is open.
    package func isListening(_ listener: Listener) {
        isListening(listener.rowName, on: listener.address, isSecure: listener.isSecure)
    }
}

extension StartUpSummary.Row {
    package static let http = Self("publish over HTTP", "http", "http-adapter")
    package static let ws = Self("WebSocket", "ws", "ws-adapter")
}

extension MQTTAdapterSettings {
    /// A line for each way to speak MQTT.
    package var rows: [StartUpSummary.Row] {
        (plain == nil ? [] : [.init("MQTT", "mqtt", "mqtt-adapter")])
            + (secure == nil ? [] : [.init("MQTT over TLS", "mqtt", "mqtt-adapter-tls")])
            + [.init("MQTT over WebSocket", "ws", "mqtt-adapter-ws")]
    }
}

extension Listener {
    /// MQTT has two listeners of one name.
    fileprivate var rowName: String { name == "mqtt-adapter" && isSecure ? "mqtt-adapter-tls" : name }
}
