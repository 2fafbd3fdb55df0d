package import Messaging
package import Model
internal import NIOCore

/// A message as an event loop would make it, on a grant.
package func makeMessage(
    on topic: Topic,
    payload: String = "payload",
    by publisher: Thing.ID = .random(),
    source: SourceProtocol = .ws,
    qos: UInt8 = 1,
    retain: Bool = false,
    properties: MessageProperties? = nil,
    at created: UInt64 = 1_700_000_000_123_456_789
) -> Message? {
    final class Asked { var question: AccessQuestion? }
    let asked = Asked()
    let table = AccessTable(ages: .always(.max), lost: { _, _ in }) { asked.question = $0 }
    var granted: ChannelGrant?
    table.authorize(ThingIdentity(thing: publisher, tenant: .random()), topic.channel, at: 1) {
        if case .granted(let grant) = $0 { granted = grant }
    }
    if let question = asked.question { table.answered(question, allowed: .success(true), at: 1) }
    let request = PublishRequest(
        topic: topic,
        payload: ByteBuffer(string: payload),
        source: source,
        qos: qos,
        origin: 7,
        retain: retain,
        properties: properties
    )
    return granted.flatMap { Message(request, by: $0, at: created) }
}
