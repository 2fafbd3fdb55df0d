package import Logging
internal import Messaging
internal import Model
package import NATSBus
internal import NIOCore
package import ThingsCore

/// Removes what an account owns when the users service asks for it on `events.users`: one copy of the things service does, and
/// answers `{"status":"done"}` when nothing is left. Whoever asks and isn't answered asks again.
package struct AccountRemovals {
    package static let operation = "account.remove"

    /// Listens from now on.
    package init(_ connection: NATSConnection, things: ThingsService, logger: Logger) {
        let receiver = NATSReceiver { message in
            guard let account = Self.account(message.payload), let reply = message.reply else { return }
            Task {
                do {
                    try await things.removeAll(ownedBy: account)
                    try await connection.send(ByteBuffer(string: #"{"status":"done"}"#), to: reply)
                } catch {
                    logger.error("account not removed", metadata: ["account": "\(account)", "reason": "\(error)"])
                }
            }
        }
        connection.subscribe(.init(BusSubject.usersEvents, queue: "things"), receiver)
    }

    private static func account(_ payload: ByteBuffer) -> Account.ID? {
        guard case .object(let members)? = try? JSONValue(parsing: String(buffer: payload)),
            members["operation"] == .string(Self.operation), case .string(let id)? = members["id"]
        else { return nil }
        return Account.ID(id)
    }
}
