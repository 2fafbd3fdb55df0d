internal import Foundation
internal import MQTTAdapter
internal import Messaging
internal import Model
internal import NIOCore

/// A session as it is in the bucket.
struct StoredEntry: JSONPayload {
    let client: String
    let tenant: String
    /// The program that has it; nil: its client is away.
    let owner: String?
    /// Nanoseconds since 1970 when it is over, if its client is away.
    let ends: UInt64?
    /// Nil if it is only just being made.
    let session: StoredSession?

    init(_ client: MQTTClient, _ tenant: Tenant.ID, _ record: SessionRecord?, owner: String?, ends: UInt64?) {
        (self.client, self.tenant, self.owner, self.ends) = (client.clientID.text, "\(tenant)", owner, ends)
        session = record.map { StoredSession($0) }
    }

    func record(of client: MQTTClient) -> SessionRecord? {
        guard client.clientID == ExactText(self.client), let tenant = Tenant.ID(tenant) else { return nil }
        return session?.record(of: client, tenant, .ofChannels)
    }
}

/// A client, as programs speak of it.
struct ClientName: JSONPayload {
    let thing: String
    let client: String
    /// The program that speaks.
    var from: String?
    /// Whether the client starts anew.
    var isClean: Bool?

    init(_ client: MQTTClient, from: String? = nil, isClean: Bool? = nil) {
        (thing, self.client) = ("\(client.thing)", client.clientID.text)
        (self.from, self.isClean) = (from, isClean)
    }

    var mqttClient: MQTTClient? { Thing.ID(thing).map { MQTTClient(thing: $0, clientID: ExactText(client)) } }
}

/// What programs write for each other.
protocol JSONPayload: Codable {}

extension JSONPayload {
    /// Nil if it is none that we know how to read.
    init?(_ payload: ByteBuffer) {
        guard let read = try? JSONDecoder().decode(Self.self, from: Data(payload.readableBytesView)) else { return nil }
        self = read
    }

    var encoded: ByteBuffer { (try? JSONEncoder().encode(self)).map { ByteBuffer(bytes: $0) } ?? ByteBuffer() }
}
