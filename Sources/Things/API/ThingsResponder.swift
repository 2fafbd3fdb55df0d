package import HTTPSupport
internal import HTTPTypes
internal import Hummingbird
package import ThingsCore

/// The things service's REST listener: the routes of contract 2.2, and `PUT /disconnect`.
package func makeThingsResponder(
    service: ThingsService,
    version: String,
    metrics: RESTMetrics = RESTMetrics(namespace: "things_api")
) -> RESTResponder {
    var routes = RouteTable()
    routes.addVersion(service: "things", version: version)
    routes.addThings(ThingsAPI(service: service))
    routes.addChannels(ChannelsAPI(service: service))
    routes.addConnections(ConnectionsAPI(service: service))
    return RESTResponder(routes, metrics: metrics)
}

/// The listener that other services ask about keys and rights (contract 2.5). It wants no credentials: keep it off public
/// networks.
package func makeThingsAuthResponder(
    service: ThingsService,
    metrics: RESTMetrics = RESTMetrics(namespace: "things_api")
) -> RESTResponder {
    let api = AccessAPI(service: service)
    let bodyLimit = AccessAPI.bodyLimit
    var routes = RouteTable()
    routes.on(.post, "/identify", as: "identify", bodyLimit: bodyLimit) { try await api.identify($0) }
    routes.on(.post, "/channels/:id/access-by-key", as: "can_access_by_key", bodyLimit: bodyLimit) {
        try await api.accessByKey($0)
    }
    routes.on(.post, "/channels/:id/access-by-id", as: "can_access_by_id", bodyLimit: bodyLimit) {
        try await api.accessByID($0)
    }
    return RESTResponder(routes, metrics: metrics)
}

extension RouteTable {
    fileprivate mutating func addThings(_ api: ThingsAPI) {
        on(.post, "/things", as: "create_things") { try await api.create($0) }
        on(.post, "/things/bulk", as: "create_things", bodyLimit: Bulk.bodyLimit) { try await api.createMany($0) }
        on(.get, "/things", as: "list_things") { try await api.list($0) }
        on(.get, "/things/:id", as: "view_thing") { try await api.view($0) }
        on(.put, "/things/:id", as: "update_thing") { try await api.replace($0) }
        on(.patch, "/things/:id/key", as: "update_key") { try await api.changeKey($0) }
        on(.delete, "/things/:id", as: "remove_thing") { try await api.remove($0) }
        on(.get, "/channels/:id/things", as: "list_things_by_channel") { try await api.listConnected($0) }
    }

    fileprivate mutating func addChannels(_ api: ChannelsAPI) {
        on(.post, "/channels", as: "create_channels") { try await api.create($0) }
        on(.post, "/channels/bulk", as: "create_channels", bodyLimit: Bulk.bodyLimit) { try await api.createMany($0) }
        on(.get, "/channels", as: "list_channels") { try await api.list($0) }
        on(.get, "/channels/:id", as: "view_channel") { try await api.view($0) }
        on(.put, "/channels/:id", as: "update_channel") { try await api.replace($0) }
        on(.delete, "/channels/:id", as: "remove_channel") { try await api.remove($0) }
        on(.get, "/things/:id/channels", as: "list_channels_by_thing") { try await api.listConnected($0) }
    }

    fileprivate mutating func addConnections(_ api: ConnectionsAPI) {
        on(.put, "/channels/:channel/things/:thing", as: "connect") { try await api.connectOne($0) }
        on(.delete, "/channels/:channel/things/:thing", as: "disconnect") { try await api.disconnectOne($0) }
        on(.post, "/connect", as: "connect") { try await api.connectMany($0) }
        on(.put, "/disconnect", as: "disconnect") { try await api.disconnectMany($0) }
    }
}
