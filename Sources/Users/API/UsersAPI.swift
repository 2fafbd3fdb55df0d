internal import HTTPSupport
internal import HTTPTypes
internal import Hummingbird
internal import Model
internal import UsersCore

/// Reads requests, asks the service, writes answers. The order of checks is the contract's (1.2): content type, JSON,
/// fields, service.
struct UsersAPI: Sendable {
    let service: UsersService

    func register(_ request: RESTRequest) async throws -> Response {
        let fields = try await request.jsonFields()
        let metadata = try fields.object("metadata") ?? [:]
        try await service.register(try credentials(fields), metadata: metadata, from: request.client.description)
        return .empty(.created)
    }

    func logIn(_ request: RESTRequest) async throws -> Response {
        let fields = try await request.jsonFields()
        let token = try await service.logIn(try credentials(fields), from: request.client.description)
        return .json(.created, ["token": .string(token.revealed)])
    }

    func view(_ request: RESTRequest) async throws -> Response {
        let account = try await service.account(token: try token(request))
        let metadata: JSONValue? = account.metadata.isEmpty ? nil : .object(account.metadata)
        return .json(.ok, ["email": .string(account.email.text), "metadata": metadata])
    }

    /// The one route with a body whose content type isn't looked at.
    func update(_ request: RESTRequest) async throws -> Response {
        let fields = try await request.jsonFields(requiringContentType: false)
        let metadata = try fields.object("metadata") ?? [:]
        try await service.update(token: try token(request), metadata: metadata)
        return .empty(.ok)
    }

    func changePassword(_ request: RESTRequest) async throws -> Response {
        let fields = try await request.jsonFields()
        let (new, old) = (try fields.string("password"), try fields.string("old_password"))
        let token = try token(request)
        guard let new, !new.isEmpty else { throw UsersError.malformed("the new password is missing") }
        guard let old, !old.isEmpty else { throw UsersError.invalidCredentials }
        try await service.changePassword(
            token: token,
            from: Secret(old),
            to: Secret(new),
            client: request.client.description
        )
        return .json(.created, ["msg": .string("")])
    }

    func remove(_ request: RESTRequest) async throws -> Response {
        try await service.remove(token: try token(request))
        return .empty(.noContent)
    }

    private func token(_ request: RESTRequest) throws -> Secret {
        guard let token = try request.token() else { throw UsersError.invalidCredentials }
        return token
    }

    private func credentials(_ fields: JSONFields) throws -> Credentials {
        let (email, password) = (try fields.string("email"), try fields.string("password"))
        guard let email, let address = EmailAddress(email) else {
            throw UsersError.malformed("the e-mail is missing or not valid")
        }
        guard let password, !password.isEmpty else { throw UsersError.malformed("the password is missing") }
        return Credentials(email: address, password: Secret(password))
    }
}
