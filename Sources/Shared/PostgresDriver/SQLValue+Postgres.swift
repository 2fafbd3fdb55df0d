internal import CLibPQ
internal import Model
internal import SQL

/// Object ids of PostgreSQL's built-in types (`pg_type.dat`), which never change.
extension Oid {
    fileprivate static let bool: Oid = 16
    fileprivate static let bytea: Oid = 17
    fileprivate static let int8: Oid = 20
    fileprivate static let int2: Oid = 21
    fileprivate static let int4: Oid = 23
    fileprivate static let json: Oid = 114
    fileprivate static let numeric: Oid = 1_700
    fileprivate static let uuid: Oid = 2_950
    fileprivate static let jsonb: Oid = 3_802
    /// The server finds it out.
    fileprivate static let unknown: Oid = 0
}

extension SQLValue {
    /// What the value is declared as. Text and JSON are left to the server: a column may be either.
    var type: Oid {
        switch self {
        case .null, .text, .json: .unknown
        case .integer: .int8
        case .blob: .bytea
        case .id: .uuid
        }
    }

    /// The value in PostgreSQL's text form; nil: NULL. Throws if the text has a U+0000, which PostgreSQL can't hold.
    func parameter() throws(SQLError) -> String? {
        switch self {
        case .null: return nil
        case .integer(let number): return "\(number)"
        case .blob(let bytes):
            return "\\x" + bytes.hexadecimal
        case .id(let id): return "\(id)"
        case .text(let text), .json(let text):
            guard !text.utf8.contains(0) else { throw SQLError(.failed, "a text with U+0000") }
            return text
        }
    }

    /// A column's value from PostgreSQL's text form.
    init(_ text: String, _ type: Oid) {
        self =
            switch type {
            case .int8, .int4, .int2: Int64(text).map { .integer($0) } ?? .text(text)
            // Sums of whole numbers are of this type.
            case .numeric: Int64(text).map { .integer($0) } ?? .text(text)
            case .bool: .integer(text == "t" ? 1 : 0)
            case .uuid: UniqueID(text).map { .id($0) } ?? .text(text)
            case .json, .jsonb: .json(text)
            // `\x` and two digits for each byte (`bytea_output=hex`).
            case .bytea: [UInt8](hexadecimal: text.dropFirst(2)).map { .blob($0) } ?? .text(text)
            default: .text(text)
            }
    }
}
