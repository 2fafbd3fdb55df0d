/// A file that `provision` reads; the end of its name tells what is in it.
package struct ProvisionFile: Sendable {
    package enum Format: String, Sendable, CaseIterable {
        case csv, json
    }

    package static let maximumLength = 64 * 1_048_576

    package let path: String
    package let format: Format

    /// Nil if the name ends in neither `.csv` nor `.json`.
    package init?(path: String) {
        let name = path.lowercased()
        guard let format = Format.allCases.first(where: { name.hasSuffix(".\($0.rawValue)") }) else { return nil }
        self.path = path
        self.format = format
    }

    package func read() throws(ClientFailure) -> ProvisionPlan {
        let bytes = try Console.read(path, limit: Self.maximumLength)
        do throws(ProvisionFileError) {
            switch format {
            case .csv: return try ProvisionPlan(csv: bytes)
            case .json: return try ProvisionPlan(json: bytes)
            }
        } catch {
            let place = error.place.isEmpty ? "" : "\(error.place): "
            throw ClientFailure(.badInput, "\(path): \(place)\(error.problem).")
        }
    }
}
