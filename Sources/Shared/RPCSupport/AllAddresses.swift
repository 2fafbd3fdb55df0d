internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix

/// Resolves a name again and again, to one endpoint for each of its addresses, so that round-robin reaches all copies of a
/// service, those too that come later. gRPC's own resolver makes them one endpoint, of which the first that answers is used.
struct AllAddresses: NameResolverFactory {
    struct Target: ResolvableTarget {
        let target: RPCTarget
    }

    /// How old an answer may become.
    private static let interval = Duration.seconds(1)

    func resolver(for target: Target) -> NameResolver {
        let names = NameResolvers.DNS().resolver(for: .dns(host: target.target.host, port: target.target.port)).names
        return NameResolver(
            names: RPCAsyncSequence(wrapping: Results(names: names)),
            updateMode: .push,
            // An address is no name that TLS could ask for; gRPC then takes each endpoint's own.
            authority: target.target.isAddress ? nil : target.target.description
        )
    }

    private struct Results: AsyncSequence {
        typealias Element = NameResolutionResult

        let names: RPCAsyncSequence<NameResolutionResult, any Error>

        func makeAsyncIterator() -> Iterator { Iterator(names: names) }

        struct Iterator: AsyncIteratorProtocol {
            let names: RPCAsyncSequence<NameResolutionResult, any Error>
            var isFirst = true

            /// All addresses, again and again also when they are the same: that is when the balancer takes up an address anew
            /// whose connection the other end has closed in order.
            mutating func next() async throws -> NameResolutionResult? {
                var pause = isFirst ? Duration.zero : AllAddresses.interval
                while true {
                    try await Task.sleep(for: pause)
                    pause = .milliseconds(500)
                    do {
                        // A new iterator each time: one that has thrown is done.
                        var iterator = names.makeAsyncIterator()
                        guard let result = try await iterator.next() else { continue }
                        let endpoints = result.endpoints.flatMap(\.addresses).map { Endpoint(addresses: [$0]) }
                        guard !endpoints.isEmpty else { continue }
                        isFirst = false
                        return NameResolutionResult(endpoints: endpoints, serviceConfig: result.serviceConfig)
                    } catch let error as CancellationError {
                        throw error
                    } catch {
                        // What was found before is as good as it was. gRPC would wait for up to two minutes.
                        continue
                    }
                }
            }
        }
    }
}
