internal import ArgumentParser

/// How messages travel to and from the platform.
package enum MessageTransport: String, Sendable, CaseIterable, ExpressibleByArgument {
    case http, ws, mqtt

    /// The transport of an address.
    package init(_ scheme: ServiceAddress.Scheme) {
        switch scheme {
        case .http, .https: self = .http
        case .ws, .wss: self = .ws
        case .mqtt, .mqtts: self = .mqtt
        }
    }
}

extension MessageTransport {
    /// The variable with its address.
    var variable: String { "MF_FLUXGATE_\(rawValue.uppercased())_URL" }

    func defaultURL(_ variables: ClientVariables) -> String {
        switch self {
        case .http: variables.httpURL
        case .ws: variables.wsURL
        case .mqtt: variables.mqttURL
        }
    }
}

/// The transports over which messages can be received.
package enum ReceivingTransport: String, Sendable, CaseIterable, ExpressibleByArgument {
    case ws, mqtt

    package var transport: MessageTransport {
        switch self {
        case .ws: .ws
        case .mqtt: .mqtt
        }
    }
}
