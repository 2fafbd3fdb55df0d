internal import FoundationEssentials
package import Model
internal import NIOCore

/// Carries out a plan: things, then channels, then connections, in bulk requests one after the other.
package struct Provisioner: Sendable {
    private let rest: RESTClient
    private let address: ServiceAddress
    private let token: Secret

    package init(_ rest: RESTClient, things address: ServiceAddress, token: Secret) {
        self.rest = rest
        self.address = address
        self.token = token
    }

    /// Each request is all or nothing, the whole is not: what is done stands in the record, also if this throws.
    ///
    /// - Parameter progress: is told how many of the plan's things, channels and connections there are.
    package func carryOut(
        _ plan: ProvisionPlan,
        into record: ProvisionRecord,
        progress: (Int) -> Void
    ) async throws {
        var things = BulkBatches(plan.things.map(ThingBody.init))
        while let batch = try things.next() {
            let made = try await make(ThingsAnswer.self, batch.body, "/things/bulk", "Creating things").things
            let rows = try matched(made, batch.range) { row, index -> Provisioned.MadeThing? in
                guard let id = Thing.ID(row.id), let key = ThingKey(row.key) else { return nil }
                return .init(id: id, name: plan.things[index].name, key: key)
            }
            progress(record.add { $0.things += rows })
        }
        var channels = BulkBatches(plan.channels.map(ChannelBody.init))
        while let batch = try channels.next() {
            let made = try await make(ChannelsAnswer.self, batch.body, "/channels/bulk", "Creating channels").channels
            let rows = try matched(made, batch.range) { row, index -> Provisioned.MadeChannel? in
                ChannelID(row.id).map { .init(id: $0, name: plan.channels[index].name) }
            }
            progress(record.add { $0.channels += rows })
        }
        try await connect(plan, into: record, progress)
    }

    private func connect(_ plan: ProvisionPlan, into record: ProvisionRecord, _ progress: (Int) -> Void) async throws {
        let made = record.made
        for batch in ConnectBatches(plan) {
            let ids = ConnectBody(
                channelIDs: batch.channels.map { made.channels[$0].id.description },
                thingIDs: batch.things.map { made.things[$0].id.description }
            )
            let body = ByteBuffer(bytes: try JSONEncoder().encode(ids))
            _ = try await rest.post("/connect", at: address, body, authorization: token, action: "Connecting")
            progress(record.add { $0.connections += batch.count })
        }
    }

    private func make<Answer: Decodable>(
        _: Answer.Type,
        _ body: ByteBuffer,
        _ path: String,
        _ action: String
    ) async throws -> Answer {
        let answer = try await rest.post(path, at: address, body, authorization: token, action: action)
        do {
            return try JSONDecoder().decode(Answer.self, from: Data(answer.readableBytesView))
        } catch {
            throw unexpected
        }
    }

    /// The answer's rows are in the order of the request.
    private func matched<Row, Made>(
        _ rows: [Row],
        _ range: Range<Int>,
        _ made: (Row, Int) -> Made?
    ) throws(ClientFailure) -> [Made] {
        let all = zip(rows, range).compactMap { made($0, $1) }
        guard rows.count == range.count, all.count == range.count else { throw unexpected }
        return all
    }

    private var unexpected: ClientFailure {
        ClientFailure(.protocolError, "\(address) answered with something that is no list of what was asked for.")
    }
}

private struct ThingBody: Encodable {
    let name: String
    let key: String?
    let metadata: JSONObject?

    init(_ thing: ProvisionPlan.NewThing) {
        name = thing.name
        key = thing.key?.secret.revealed
        metadata = thing.metadata.isEmpty ? nil : thing.metadata
    }
}

private struct ChannelBody: Encodable {
    let name: String
    let metadata: JSONObject?

    init(_ channel: ProvisionPlan.NewChannel) {
        name = channel.name
        metadata = channel.metadata.isEmpty ? nil : channel.metadata
    }
}

private struct ConnectBody: Encodable {
    enum CodingKeys: String, CodingKey {
        case channelIDs = "channel_ids"
        case thingIDs = "thing_ids"
    }

    let channelIDs: [String]
    let thingIDs: [String]
}

private struct ThingsAnswer: Decodable {
    struct Row: Decodable {
        let id: String
        let key: String
    }

    let things: [Row]
}

private struct ChannelsAnswer: Decodable {
    struct Row: Decodable {
        let id: String
    }

    let channels: [Row]
}
