package import Bootstrap
package import HTTPSupport

extension ProxyNetworks {
    /// Reads addresses and networks with commas between them; none if the variable isn't set.
    package init(_ variables: Variables, _ name: String) throws(ConfigurationError) {
        guard let text = variables.optionalString(name) else {
            self = .none
            return
        }
        var networks: [IPNetwork] = []
        for part in text.commaSeparated {
            guard let network = IPNetwork(part) else {
                throw ConfigurationError(name, text, "addresses or networks as 192.0.2.1, 10.0.0.0/8 or fd00::/8")
            }
            networks.append(network)
        }
        self.init(networks)
    }
}
