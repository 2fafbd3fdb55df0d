package import Bootstrap
internal import Foundation
package import Model

/// The variables that the client commands read; what is given on the command line comes before them.
package struct ClientVariables: Sendable {
    /// `MF_TOKEN`: a user's token.
    package let token: Secret?
    /// `MF_PASSWORD`: the password that goes with `--email`.
    package let password: Secret?
    /// `MF_THING_KEY`: the key that messages are sent and received with.
    package let thingKey: Secret?
    /// `MF_FLUXGATE_USERS_URL`, default `http://127.0.0.1:8180`.
    package let usersURL: String
    /// `MF_FLUXGATE_THINGS_URL`, default `http://127.0.0.1:8182`.
    package let thingsURL: String
    /// `MF_FLUXGATE_HTTP_URL`, default `http://127.0.0.1:8185`.
    package let httpURL: String
    /// `MF_FLUXGATE_WS_URL`, default `ws://127.0.0.1:8186`.
    package let wsURL: String
    /// `MF_FLUXGATE_MQTT_URL`, default `mqtt://127.0.0.1:1883`.
    package let mqttURL: String

    /// `MF_FLUXGATE_CA_CERTS`: a file with whom to trust to sign a service's certificate.
    package let caCertificates: String?
    /// `MF_FLUXGATE_CLIENT_CERT` and `_CLIENT_KEY`: files with the certificate to show, and its key.
    package let clientCertificate: String?
    package let clientKey: String?

    package init(_ environment: [String: String]) {
        self.init(Variables(environment))
    }

    package init(_ variables: Variables) {
        token = variables.secret("MF_TOKEN")
        password = variables.secret("MF_PASSWORD")
        thingKey = variables.secret("MF_THING_KEY")
        usersURL = variables.string("MF_FLUXGATE_USERS_URL", default: "http://127.0.0.1:8180")
        thingsURL = variables.string("MF_FLUXGATE_THINGS_URL", default: "http://127.0.0.1:8182")
        httpURL = variables.string("MF_FLUXGATE_HTTP_URL", default: "http://127.0.0.1:8185")
        wsURL = variables.string("MF_FLUXGATE_WS_URL", default: "ws://127.0.0.1:8186")
        mqttURL = variables.string("MF_FLUXGATE_MQTT_URL", default: "mqtt://127.0.0.1:1883")
        caCertificates = variables.optionalString("MF_FLUXGATE_CA_CERTS")
        clientCertificate = variables.optionalString("MF_FLUXGATE_CLIENT_CERT")
        clientKey = variables.optionalString("MF_FLUXGATE_CLIENT_KEY")
    }

    /// Those of this process.
    package static var ofProcess: Self { Self(ProcessInfo.processInfo.environment) }
}
