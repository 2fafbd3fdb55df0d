package import GRPCCore
package import InternalAPI
internal import Model
internal import SwiftProtobuf
package import UsersCore

/// `mainflux.UsersService` (contract section 3): whose token is this?
package struct UsersRPCService: Mainflux_UsersService.SimpleServiceProtocol {
    private let users: UsersService

    package init(_ users: UsersService) { self.users = users }

    /// Throws INVALID_ARGUMENT for an empty token, UNAUTHENTICATED for one of nobody, UNAVAILABLE for an outage.
    package func identify(request: Mainflux_Token, context: ServerContext) async throws -> Mainflux_UserID {
        guard !request.value.isEmpty else {
            throw RPCError(code: .invalidArgument, message: "received invalid token request")
        }
        do throws(UsersError) {
            let account = try await users.account(token: Secret(request.value))
            return .with { answer in
                answer.value = account.email.text
                answer.id = "\(account.id)"
            }
        } catch {
            throw RPCError(error)
        }
    }
}

extension RPCError {
    fileprivate init(_ error: UsersError) {
        switch error {
        case .malformed, .invalidCredentials:
            self.init(code: .unauthenticated, message: "failed to identify user from token")
        case .unavailable, .busy, .tooManyAttempts, .emailTaken:
            self.init(code: .unavailable, message: "the users service can't tell at the moment")
        case .failed:
            self.init(code: .internalError, message: "internal server error")
        }
    }
}
