internal import Messaging
package import Model
package import NATSBus
internal import NIOCore
package import UsersCore

/// What an account owns in the things service, which is asked over the bus: no gRPC call of the contract may remove anything,
/// since none of them says who calls.
package struct RemoteResources: OwnedResources {
    private let connection: NATSConnection
    private let timeout: Duration

    package init(_ connection: NATSConnection, timeout: Duration = .seconds(5)) {
        self.connection = connection
        self.timeout = timeout
    }

    package func removeAll(ownedBy account: Account.ID) async throws(UsersError) {
        do {
            _ = try await connection.request(
                ByteBuffer(string: AccountRemoval(of: account).json),
                to: BusSubject.usersEvents,
                timeout: timeout
            )
        } catch {
            throw .unavailable("things: \(error)")
        }
    }
}
