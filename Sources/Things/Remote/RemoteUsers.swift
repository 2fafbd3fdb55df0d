internal import GRPCCore
internal import InternalAPI
package import Model
package import RPCSupport
internal import SwiftProtobuf
internal import ThingsCore

/// The users service, asked over gRPC.
package struct RemoteUsers: UserDirectory {
    /// No token of ours comes near it, and gRPC would call a longer one an outage.
    private static let longestToken = 8 * 1_024

    private let rpc: RPCClient

    package init(_ rpc: RPCClient) { self.rpc = rpc }

    package func identify(_ token: Secret) async throws -> Account.ID {
        guard token.revealed.utf8.count <= Self.longestToken else { throw ThingsError.unauthenticated }
        let users = Mainflux_UsersService.Client(wrapping: rpc.client)
        let answer: Mainflux_UserID
        do {
            answer = try await users.identify(.with { $0.value = token.revealed }, options: rpc.options)
        } catch let error as RPCError where !error.isOutage {
            throw ThingsError.unauthenticated
        } catch let error as CancellationError {
            throw error
        } catch {
            throw ThingsError.unavailable
        }
        // A users service that doesn't say whose account it is isn't one that things can belong to.
        guard let account = Account.ID(answer.id) else { throw ThingsError.unavailable }
        return account
    }

    /// Asks, for ``RPCClient/outage``, until the task is canceled.
    package func watch() async {
        let users = Mainflux_UsersService.Client(wrapping: rpc.client)
        await rpc.watch { [options = rpc.options] in
            _ = try await users.identify(.with { $0.value = "nobody's" }, options: options)
        }
    }
}
