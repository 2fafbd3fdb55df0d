internal import Foundation

/// Where a listener's revocation lists come from.
package struct RevocationSource: Sendable {
    /// A file, a folder of files, or an `http://` or `https://` address.
    package let place: String
    /// How often an address is asked.
    package let interval: Duration

    package init(_ place: String, interval: Duration = .seconds(3_600)) {
        self.place = place
        self.interval = interval
    }

    package var isAddress: Bool { place.hasPrefix("http://") || place.hasPrefix("https://") }

    /// What it is called in the log: of an address nothing that could be a secret.
    var name: String {
        guard isAddress else { return place }
        return String(place.prefix { $0 != "?" && $0 != "#" })
    }

    /// Most files of a folder, and most bytes in PEM form.
    private static let maximumFiles = 1_000
    private static let maximumText = RevocationList.maximumSize / 3 * 4 + (1 << 20)

    /// What was found: lists that could be read, and what else there is.
    typealias Found = (lists: [(place: String, list: RevocationList)], problems: Set<RevocationProblem>)

    /// The files, in order; nil if the place itself is missing.
    private var files: [String]? {
        guard let mark = FileMark(place) else { return nil }
        guard mark.isFolder else { return [place] }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: place) else { return nil }
        // What begins with a dot is hidden, or belongs to who replaces files: `..data`.
        let paths = names.filter { !$0.hasPrefix(".") }.sorted().map { "\(place)/\($0)" }
        return paths.filter { FileMark($0)?.isFolder != true }
    }

    /// Which versions of the files are there now.
    var marks: [String: FileMark] {
        guard !isAddress else { return [:] }
        let paths = [place] + (files ?? []).prefix(Self.maximumFiles + 1)
        return Dictionary(paths.compactMap { path in FileMark(path).map { (path, $0) } }) { first, _ in first }
    }

    /// Throws if there is neither file nor folder.
    func check() throws(TLSFileError) {
        guard !isAddress else { return }
        guard FileManager.default.isReadableFile(atPath: place) else {
            throw TLSFileError(.revocationLists, place, "can't be read")
        }
    }

    func read() -> Found {
        guard let files else { return ([], [.init(reason: .unreadable, place: place)]) }
        guard !files.isEmpty else { return ([], [.init(reason: .empty, place: place)]) }
        guard files.count <= Self.maximumFiles else { return ([], [.init(reason: .tooLarge, place: place)]) }
        var (found, bytes) = (([], []) as Found, 0)
        for path in files {
            guard bytes <= Self.maximumText, let contents = TLSFile.read(path, limit: Self.maximumText) else {
                let isThere = FileManager.default.isReadableFile(atPath: path)
                found.problems.insert(.init(reason: isThere ? .tooLarge : .unreadable, place: path))
                continue
            }
            bytes += contents.count
            let one = Self.read(contents, from: path)
            found.lists += one.lists
            found.problems.formUnion(one.problems)
        }
        return found
    }

    /// Reads one file: a list in DER form, or one or more in PEM form.
    static func read(_ bytes: [UInt8], from place: String) -> Found {
        let text = bytes.drop { $0 == 0x0A || $0 == 0x0D || $0 == 0x20 || $0 == 0x09 }
        guard let first = text.first else { return ([], [.init(reason: .empty, place: place)]) }
        let encoded = first == .derSequence ? [bytes] : pem(Data(text))
        var found = ([], encoded.isEmpty ? [.init(reason: .broken, place: place)] : []) as Found
        for der in encoded {
            do throws(RevocationProblem.Reason) {
                guard der.count <= RevocationList.maximumSize else { throw .tooLarge }
                found.lists.append((place, try RevocationList(der: der)))
            } catch {
                found.problems.insert(.init(reason: error, place: place))
            }
        }
        return found
    }

    /// The lists in a text (RFC 7468 section 6); an empty one for each that can't be decoded.
    private static func pem(_ text: Data) -> [[UInt8]] {
        let (begin, end) = (Data("-----BEGIN X509 CRL-----".utf8), Data("-----END X509 CRL-----".utf8))
        var (rest, lists) = (text, [[UInt8]]())
        while let start = rest.range(of: begin) {
            guard let stop = rest.range(of: end, in: start.upperBound..<rest.endIndex) else {
                lists.append([])
                break
            }
            let base64 = rest[start.upperBound..<stop.lowerBound].filter { $0 != 0x0A && $0 != 0x0D }
            lists.append(Data(base64Encoded: Data(base64)).map(Array.init) ?? [])
            rest = rest[stop.upperBound...]
        }
        return lists
    }
}
