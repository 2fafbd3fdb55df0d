package import HTTPSupport
internal import HTTPTypes
internal import Hummingbird
package import UsersCore

/// The users service's REST listener: the routes of contract 1.1, less the mail-based reset, and `DELETE /users`.
///
/// - Parameter proxies: behind which clients are told apart by `X-Forwarded-For`.
package func makeUsersResponder(
    service: UsersService,
    version: String,
    proxies: ProxyNetworks = .none,
    metrics: RESTMetrics = RESTMetrics(namespace: "users_api")
) -> RESTResponder {
    let api = UsersAPI(service: service)
    var routes = RouteTable()
    routes.addVersion(service: "users", version: version)
    routes.on(.post, "/users", as: "register") { try await api.register($0) }
    routes.on(.get, "/users", as: "user_info") { try await api.view($0) }
    routes.on(.put, "/users", as: "update_user") { try await api.update($0) }
    routes.on(.delete, "/users", as: "remove_user") { try await api.remove($0) }
    routes.on(.post, "/tokens", as: "login") { try await api.logIn($0) }
    routes.on(.patch, "/password", as: "change_password") { try await api.changePassword($0) }
    return RESTResponder(routes, metrics: metrics, proxies: proxies)
}
