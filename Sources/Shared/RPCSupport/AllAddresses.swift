internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix

/// Resolves a name again and again, to one endpoint for each of its addresses, so that round-robin reaches all copies of a
/// service, those too that come later. gRPC's own resolver makes them one endpoint, of which the first that answers is used.
struct AllAddresses: NameResolverFactory {
    struct Target: ResolvableTarget {
        let target: RPCTarget
    }

    /// How old an answer may become.
    private static let interval = Duration.seconds(5)

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
            var last: [Endpoint]?

            /// The next answer that differs from the last one. Throws if the name can't be resolved at first.
            mutating func next() async throws -> NameResolutionResult? {
                while true {
                    if last != nil { try await Task.sleep(for: AllAddresses.interval) }
                    do {
                        // A new iterator each time: one that has thrown is done.
                        var iterator = names.makeAsyncIterator()
                        guard let result = try await iterator.next() else { return nil }
                        let endpoints = result.endpoints.flatMap(\.addresses).map { Endpoint(addresses: [$0]) }
                        guard !endpoints.isEmpty, endpoints != last else { continue }
                        last = endpoints
                        return NameResolutionResult(endpoints: endpoints, serviceConfig: result.serviceConfig)
                    } catch let error where last == nil || error is CancellationError {
                        throw error
                    } catch {
                        // What was found before is as good as it was.
                        continue
                    }
                }
            }
        }
    }
}
