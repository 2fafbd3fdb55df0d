internal import CLibPQ
internal import Model
internal import SQL

/// Object ids of PostgreSQL's built-in types (`pg_type.dat`), which never change.
extension Oid {
    fileprivate static let bool: Oid = 16
    fileprivate static let bytea: Oid = 17
    fileprivate static let name: Oid = 19
    fileprivate static let int8: Oid = 20
    fileprivate static let int2: Oid = 21
    fileprivate static let int4: Oid = 23
    fileprivate static let text: Oid = 25
    fileprivate static let json: Oid = 114
    fileprivate static let varchar: Oid = 1_043
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

    /// A column's value from PostgreSQL's binary form; of a type that isn't known here, its bytes.
    init(_ bytes: UnsafeRawBufferPointer, _ type: Oid) {
        self =
            switch type {
            case .int8 where bytes.count == 8: .integer(Int64(bitPattern: bytes.bigEndian(at: 0)))
            case .int4 where bytes.count == 4: .integer(Int64(Int32(bitPattern: bytes.bigEndian(at: 0))))
            case .int2 where bytes.count == 2: .integer(Int64(Int16(bitPattern: bytes.bigEndian(at: 0))))
            case .bool where bytes.count == 1: .integer(bytes[0] == 0 ? 0 : 1)
            case .uuid where bytes.count == 16:
                .id(UniqueID(high: bytes.bigEndian(at: 0), low: bytes.bigEndian(at: 8)))
            case .text, .varchar, .name, .unknown: .text(String(decoding: bytes, as: UTF8.self))
            case .json: .json(String(decoding: bytes, as: UTF8.self))
            // The first byte is a version, of which there is one.
            case .jsonb where bytes.first == 1: .json(String(decoding: bytes.dropFirst(), as: UTF8.self))
            default: .blob(Array(bytes))
            }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func bigEndian<Word: FixedWidthInteger & BitwiseCopyable>(at offset: Int) -> Word {
        Word(bigEndian: loadUnaligned(fromByteOffset: offset, as: Word.self))
    }
}
