internal import AdapterTransport
internal import Bootstrap
internal import HTTPAdapter
internal import MQTTAdapter
internal import Synchronization
internal import WSAdapter

/// Collects which listeners are open, and announces the platform when all are.
final class StartUp: Sendable {
    let readiness: Readiness

    private let summary: Mutex<StartUpSummary>
    private let announce: @Sendable (String) -> Void

    init(_ summary: StartUpSummary, _ announce: @escaping @Sendable (String) -> Void) {
        self.readiness = Readiness(waitingFor: StartUpSummary.restListeners)
        self.summary = Mutex(summary)
        self.announce = announce
    }

    func isListening(_ name: String, on address: ListenAddress) {
        summary.withLock { $0.addresses[name] = address }
        readiness.isUp(name)
        if readiness.down.isEmpty { announce(summary.withLock { $0.text }) }
    }
}

/// What a person wants to know when the platform has started.
struct StartUpSummary {
    static let restListeners: Set<String> = ["ops", "users", "things", "things auth"]

    var addresses: [String: ListenAddress]
    private let dataFolder: String
    private let limitsOff: Bool

    init(_ configuration: PlatformConfiguration, folder: DataFolder, adapters: OpenAdapters) {
        self.addresses = [
            "http": adapters.http.listener.address,
            "ws": adapters.ws.listener.address,
            "mqtt": adapters.mqtt.listener.address,
            "mqtt over ws": adapters.mqtt.webSocketListener.address,
        ]
        self.dataFolder = folder.path
        self.limitsOff = configuration.limitsOff
    }

    var text: String {
        let rows = [
            ("users API", "http", "users"),
            ("things API", "http", "things"),
            ("things auth API", "http", "things auth"),
            ("publish over HTTP", "http", "http"),
            ("WebSocket", "ws", "ws"),
            ("MQTT", "mqtt", "mqtt"),
            ("MQTT over WebSocket", "ws", "mqtt over ws"),
            ("health and metrics", "http", "ops"),
        ]
        var lines = ["Fluxgate \(Platform.version) is running."]
        for (title, scheme, name) in rows {
            guard let address = addresses[name] else { continue }
            lines.append("  " + padded(title) + "\(scheme)://\(address)")
        }
        lines.append("  " + padded("data") + dataFolder)
        lines.append("  All traffic is plain: keep it on this machine or on a network that you trust.")
        if limitsOff { lines.append("  Limits on log-in and registration are OFF (MF_LIMITS_OFF).") }
        return lines.joined(separator: "\n")
    }

    private func padded(_ title: String) -> String {
        title + String(repeating: " ", count: max(1, 22 - title.count))
    }
}
