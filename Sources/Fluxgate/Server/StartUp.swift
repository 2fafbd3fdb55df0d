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

    func isListening(_ name: String, on address: ListenAddress, isSecure: Bool) {
        summary.withLock { $0.listeners[name] = .init(address: address, isSecure: isSecure) }
        readiness.isUp(name)
        if readiness.down.isEmpty { announce(summary.withLock { $0.text }) }
    }
}

/// What a person wants to know when the platform has started.
struct StartUpSummary {
    static let restListeners: Set<String> = ["ops", "users", "things", "things-auth"]

    struct OpenListener {
        let address: ListenAddress
        let isSecure: Bool

        init(address: ListenAddress, isSecure: Bool) {
            self.address = address
            self.isSecure = isSecure
        }

        init(_ listener: Listener) {
            self.init(address: listener.address, isSecure: listener.isSecure)
        }
    }

    var listeners: [String: OpenListener]
    private let dataFolder: String
    private let limitsOff: Bool

    init(_ configuration: PlatformConfiguration, folder: DataFolder, adapters: OpenAdapters) {
        let mqtt = adapters.mqtt.listeners
        listeners = [
            "http": OpenListener(adapters.http.listener), "ws": OpenListener(adapters.ws.listener),
            "mqtt over ws": OpenListener(mqtt.webSocket),
        ]
        listeners["mqtt"] = mqtt.plain.map { OpenListener($0) }
        listeners["mqtts"] = mqtt.tls.map { OpenListener($0) }
        self.dataFolder = folder.path
        self.limitsOff = configuration.limitsOff
    }

    /// Title, scheme without TLS, and name.
    private static let rows = [
        ("users API", "http", "users"), ("things API", "http", "things"), ("things auth API", "http", "things-auth"),
        ("publish over HTTP", "http", "http"), ("WebSocket", "ws", "ws"), ("MQTT", "mqtt", "mqtt"),
        ("MQTT over TLS", "mqtt", "mqtts"), ("MQTT over WebSocket", "ws", "mqtt over ws"),
        ("health and metrics", "http", "ops"),
    ]

    var text: String {
        var lines = ["Fluxgate \(Platform.version) is running."]
        var plain: [String] = []
        for (title, scheme, name) in Self.rows {
            guard let listener = listeners[name] else { continue }
            lines.append("  " + padded(title) + "\(scheme)\(listener.isSecure ? "s" : "")://\(listener.address)")
            if !listener.isSecure { plain.append(title) }
        }
        lines.append("  " + padded("data") + dataFolder)
        if let warning = warning(about: plain) { lines.append("  " + warning) }
        if limitsOff { lines.append("  Limits on log-in and registration are OFF (MF_LIMITS_OFF).") }
        return lines.joined(separator: "\n")
    }

    private func warning(about plain: [String]) -> String? {
        switch plain.count {
        case 0: nil
        case listeners.count: "All traffic is plain: keep it on this machine or on a network that you trust."
        default: "Not on TLS: \(plain.joined(separator: ", ")). Keep these on a network that you trust."
        }
    }

    private func padded(_ title: String) -> String {
        title + String(repeating: " ", count: max(1, 22 - title.count))
    }
}
