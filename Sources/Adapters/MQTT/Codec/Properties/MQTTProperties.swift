import NIOCore

/// The property list of an MQTT 5 packet, in the order of the wire.
///
/// An empty list holds no storage, so packets of earlier versions and plain MQTT 5 packets pay one word for it.
package struct MQTTProperties: Equatable, Sendable, ExpressibleByArrayLiteral {
    /// The properties as sent; user properties may repeat, and subscription identifiers in PUBLISH.
    package private(set) var list: [MQTTProperty]

    package init() { list = [] }

    package init(_ list: [MQTTProperty]) { self.list = list }

    package init(arrayLiteral elements: MQTTProperty...) { list = elements }

    package var isEmpty: Bool { list.isEmpty }

    package mutating func append(_ property: MQTTProperty) { list.append(property) }

    /// Takes out every property of this kind.
    package mutating func remove(_ id: MQTTPropertyID) { list.removeAll { $0.id == id } }
}

extension MQTTProperties {
    /// Bytes of the properties and of the length that stands before them.
    package var encodedLength: Int {
        let length = valueLength
        return VariableByteInteger.length(of: length) + length
    }

    /// Bytes of the properties alone.
    private var valueLength: Int {
        var length = 0
        for property in list { length += property.encodedLength }
        return length
    }

    func write(into buffer: inout ByteBuffer) throws(MQTTCodecError) {
        buffer.writeVariableByteInteger(valueLength)
        for property in list { try property.write(into: &buffer) }
    }

    /// Reads a property list and checks each against the place where it stands.
    init(from buffer: inout ByteBuffer, in place: MQTTPropertyID.Place) throws(MQTTCodecError) {
        list = []
        let length = try buffer.readVariableByteInteger()
        guard length > 0 else { return }
        guard var section = buffer.readSlice(length: length) else { throw .truncatedField }
        var seen: UInt64 = 0
        while section.readableBytes > 0 {
            let number = try section.readVariableByteInteger()
            guard let byte = UInt8(exactly: number), let id = MQTTPropertyID(rawValue: byte) else {
                throw .unknownProperty(number)
            }
            guard id.isAllowed(in: place) else { throw .propertyNotAllowed(id) }
            let bit: UInt64 = 1 << UInt64(byte)
            guard seen & bit == 0 || id.isRepeatable(in: place) else { throw .duplicateProperty(id) }
            seen |= bit
            list.append(try MQTTProperty(id, from: &section))
        }
    }
}
