internal import Messaging
internal import Model

/// Keeps a subscription for each channel that anybody here listens to. Made and owned by the thread of a ``WorkQueue``.
final class BusSubscriber {
    private let connection: NATSConnection
    private let receiver: NATSReceiver
    /// Loops that joined.
    private var members: [ChannelID: Int] = [:]

    init(_ connection: NATSConnection, _ receiver: NATSReceiver) {
        self.connection = connection
        self.receiver = receiver
    }

    func join(_ channel: ChannelID) {
        members[channel, default: 0] += 1
        guard members[channel] == 1 else { return }
        for interest in interests(channel) { connection.subscribe(interest, receiver) }
    }

    func leave(_ channel: ChannelID) {
        guard let count = members[channel] else { return }
        members[channel] = count > 1 ? count - 1 : nil
        guard count == 1 else { return }
        for interest in interests(channel) { connection.unsubscribe(interest) }
    }

    /// A message travels on one of the two only.
    private func interests(_ channel: ChannelID) -> [NATSConnection.Interest] {
        [.init(BusSubject.base(of: channel)), .init(BusSubject.below(channel))]
    }
}
