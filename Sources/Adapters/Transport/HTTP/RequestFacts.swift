package import NIOHTTP1
package import TLSSupport

/// The headers that the adapters look at, found in one pass.
package struct RequestFacts {
    package private(set) var authorization: String?
    package private(set) var authorizations = 0
    package private(set) var contentType = ""
    package private(set) var contentLength: Int?
    package private(set) var expectsContinue = false
    /// W3C Trace Context, as the client gave it.
    package private(set) var traceparent: String?
    package private(set) var hosts = 0
    package private(set) var transferEncodings = 0
    package private(set) var isChunked = false
    /// The last of the headers that pass a certificate on, and how many there are.
    package private(set) var certificateHeader: CertificateHeader?
    package private(set) var certificateHeaders = 0
    /// The client wants another protocol; the decoder reads nothing after such a request.
    package private(set) var wantsUpgrade = false

    package init(_ headers: HTTPHeaders) {
        for (name, value) in headers {
            switch name.utf8.count {
            case 4 where name.isSame(as: "host"):
                hosts += 1
            case 6 where name.isSame(as: "expect"):
                expectsContinue = value.isSame(as: "100-continue")
            case 7 where name.isSame(as: "upgrade"):
                wantsUpgrade = true
            case 11 where name.isSame(as: "traceparent"):
                traceparent = value
            case 11 where name.isSame(as: "client-cert"):
                certificateHeaders += 1
                certificateHeader = .clientCert(value)
            case 12 where name.isSame(as: "content-type"):
                contentType = value
            case 13 where name.isSame(as: "authorization"):
                authorizations += 1
                authorization = value
            case 13 where name.isSame(as: "x-client-cert"):
                certificateHeaders += 1
                certificateHeader = .escapedPEM(value)
            case 14 where name.isSame(as: "content-length"):
                contentLength = Int(value)
            case 17 where name.isSame(as: "transfer-encoding"):
                transferEncodings += 1
                isChunked = value.isSame(as: "chunked")
            default:
                break
            }
        }
    }

    /// Whether the message framing can be read in one way only (RFC 9112 sections 3.2 and 6.3); anything else may be seen
    /// differently by a proxy in front.
    package func isUnambiguous(_ version: HTTPVersion) -> Bool {
        if version == .http1_1, hosts != 1 { return false }
        if transferEncodings > 0 {
            return transferEncodings == 1 && isChunked && contentLength == nil && version == .http1_1
        }
        return true
    }
}

extension String {
    /// Whether two ASCII texts are the same but for letter case.
    package func isSame(as other: StaticString) -> Bool {
        other.withUTF8Buffer { other in
            utf8.count == other.count && utf8.elementsEqual(other) { $0 == $1 || ($0 | 0x20 == $1 && $1 >= 0x61) }
        }
    }
}
