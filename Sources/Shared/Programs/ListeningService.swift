internal import ServiceLifecycle
internal import TLSSupport

/// A listener of another library, whose failure to listen is told in our words.
struct ListeningService<Base: Service>: Service {
    let name: String
    let address: ListenAddress
    let base: Base

    func run() async throws {
        do {
            try await base.run()
        } catch let error where !(error is CancellationError) {
            throw ListenError(name, address, error)
        }
    }
}
