package import HTTPTypes
package import Hummingbird
package import Model

extension Response {
    /// One JSON object and a newline; a member without a value is left out.
    package static func json(
        _ status: HTTPResponse.Status,
        _ members: KeyValuePairs<String, JSONValue?>,
        headers: HTTPFields = [:]
    ) -> Response {
        json(status, text: jsonText(members), headers: headers)
    }

    /// An answer without a body; the contract gives even these a content type.
    package static func empty(_ status: HTTPResponse.Status, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers)
    }

    static func json(_ status: HTTPResponse.Status, text: String, headers: HTTPFields) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    static func jsonText(_ members: KeyValuePairs<String, JSONValue?>) -> String {
        var text = "{"
        for case (let name, let value?) in members {
            if text.utf8.count > 1 { text += "," }
            JSONValue.write(name, to: &text)
            text += ":"
            value.write(to: &text)
        }
        return text + "}\n"
    }
}
