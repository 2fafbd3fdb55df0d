package import HTTPTypes
package import Hummingbird
package import Model

/// The members of an object in the order in which they are written; one without a value is left out.
package typealias JSONMembers = KeyValuePairs<String, JSONValue?>

extension Response {
    /// One JSON object and a newline.
    package static func json(
        _ status: HTTPResponse.Status,
        _ members: JSONMembers,
        headers: HTTPFields = [:]
    ) -> Response {
        json(status, body: body(members), headers: headers)
    }

    /// The same with a list of objects as its last member.
    package static func json(
        _ status: HTTPResponse.Status,
        _ members: JSONMembers = [:],
        listing name: String,
        _ items: [JSONMembers]
    ) -> Response {
        var body = body(members)
        body.removeLast("}\n".utf8.count)
        if body.count > 1 { body.append(UInt8(ascii: ",")) }
        JSONValue.write(name, to: &body)
        body += ":[".utf8
        for (index, item) in items.enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            write(item, to: &body)
        }
        body += "]}\n".utf8
        return json(status, body: body)
    }

    /// An answer without a body; the contract gives even these a content type.
    package static func empty(_ status: HTTPResponse.Status, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers)
    }

    static func json(_ status: HTTPResponse.Status, body: [UInt8], headers: HTTPFields = [:]) -> Response {
        var answer = empty(status, headers: headers)
        answer.body = ResponseBody(byteBuffer: ByteBuffer(bytes: body))
        return answer
    }

    static func body(_ members: JSONMembers) -> [UInt8] {
        var body: [UInt8] = []
        write(members, to: &body)
        body.append(UInt8(ascii: "\n"))
        return body
    }

    private static func write(_ members: JSONMembers, to body: inout [UInt8]) {
        body.append(UInt8(ascii: "{"))
        var isFirst = true
        for case (let name, let value?) in members {
            if !isFirst { body.append(UInt8(ascii: ",")) }
            JSONValue.write(name, to: &body)
            body.append(UInt8(ascii: ":"))
            value.write(to: &body)
            isFirst = false
        }
        body.append(UInt8(ascii: "}"))
    }
}
