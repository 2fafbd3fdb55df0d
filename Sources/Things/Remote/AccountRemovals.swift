package import Logging
internal import Messaging
internal import Model
package import NATSBus
internal import NIOCore
internal import ServiceLifecycle
package import ThingsCore

/// Removes what accounts own when the users service asks for it: one copy of the things service does, one account after the
/// other, and answers when nothing is left. Whoever asks and isn't answered asks again.
package struct AccountRemovals: Service {
    /// Most that wait; more aren't answered.
    private static let maximumWaiting = 1_000

    private struct Item: Sendable {
        let account: Account.ID
        let reply: String
    }

    private let connection: NATSConnection
    private let things: ThingsService
    private let logger: Logger
    private let items: AsyncStream<Item>

    /// Listens from now on; what is asked is done while the service runs.
    package init(_ connection: NATSConnection, things: ThingsService, logger: Logger) {
        self.connection = connection
        self.things = things
        self.logger = logger
        let (items, input) = AsyncStream.makeStream(
            of: Item.self,
            bufferingPolicy: .bufferingOldest(Self.maximumWaiting)
        )
        self.items = items
        let receiver = NATSReceiver { message in
            guard let removal = AccountRemoval(json: String(buffer: message.payload)), let reply = message.reply else {
                return
            }
            input.yield(Item(account: removal.account, reply: reply))
        }
        connection.subscribe(.init(BusSubject.usersEvents, queue: "things"), receiver)
    }

    package func run() async {
        for await item in items.cancelOnGracefulShutdown() {
            do {
                try await things.removeAll(ownedBy: item.account)
                connection.post(ByteBuffer(string: AccountRemoval.done), to: item.reply)
            } catch {
                logger.error("account not removed", metadata: ["account": "\(item.account)", "reason": "\(error)"])
            }
        }
    }
}
