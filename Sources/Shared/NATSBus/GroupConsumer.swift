internal import Crypto
internal import Foundation
internal import Messaging
internal import Model

/// The durable consumer that a group's messages wait in, or a part of them: a server of NATS 2.9 knows one filter subject a consumer.
struct GroupConsumer: Hashable, Sendable {
    /// How long a member may have a message without a word from its process.
    private static let patience: Int64 = 10_000_000_000
    /// How often a process says that its members still have what they have.
    static let pace = Duration.seconds(3)
    /// Messages that members may have, all together.
    private static let mostPending: Int64 = 20_000

    let name: String
    let subject: String

    /// Those of a group: one, or two.
    static func all(of group: SharedGroup) -> [GroupConsumer] {
        let name = name(of: group), filter = group.filter.subtopic
        let levels = [BusSubject.base(of: group.filter.channel)] + BusSubject.levels(of: filter)
        let subject = levels.joined(separator: ".")
        let own = GroupConsumer(name: name, subject: subject)
        let below = GroupConsumer(name: name + "-below", subject: subject + ".>")
        return switch filter.tail {
        case .exact: [own]
        case .below: [below]
        case .belowAndSelf: [own, below]
        }
    }

    /// Names and filters may hold anything, and have any length.
    static func name(of group: SharedGroup) -> String {
        let filter = group.filter
        let parts = ["\(filter.channel)", group.name.text, filter.contentType?.text ?? "", "\(filter.subtopic.tail)"]
        return name(of: parts + BusSubject.levels(of: filter.subtopic))
    }

    static func name(of parts: [String]) -> String {
        var hash = SHA256()
        for part in parts {
            withUnsafeBytes(of: UInt64(part.utf8.count).littleEndian) { hash.update(bufferPointer: $0) }
            hash.update(data: Data(part.utf8))
        }
        return Array(hash.finalize().prefix(16)).hexadecimal
    }

    /// - Parameters:
    ///   - place: behind which its messages begin.
    ///   - threshold: after how many seconds without anybody who asks for messages it ends; nil: never.
    func configuration(behind place: UInt64, threshold: Int64?) -> JSONObject {
        var configuration: JSONObject = [
            "durable_name": .string(name), "filter_subject": .string(subject), "ack_policy": "explicit",
            "deliver_policy": "by_start_sequence", "replay_policy": "instant",
            "opt_start_seq": JetStream.behind(place),
            "ack_wait": .integer(Self.patience), "max_ack_pending": .integer(Self.mostPending),
            "max_waiting": .integer(Self.mostPending),
        ]
        configuration["inactive_threshold"] = threshold.map {
            .integer($0.multipliedReportingOverflow(by: 1_000_000_000).partialValue)
        }
        return configuration
    }
}
