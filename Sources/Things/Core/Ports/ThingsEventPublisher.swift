/// Who hears of changes. Told after they are committed and before they are answered, so that what lives by a right that
/// was taken has ended when the owner reads the answer.
package protocol ThingsEventPublisher: Sendable {
    func publish(_ events: [ThingsEvent]) async
}
