/// Waits until the condition holds. Throws ``NeverHappened`` if it doesn't in time.
package func eventually(
    within timeout: Duration = .seconds(20),
    _ condition: @Sendable () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + timeout
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw NeverHappened() }
        try await Task.sleep(for: .milliseconds(5))
    }
}

package struct NeverHappened: Error {}
