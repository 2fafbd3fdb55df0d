internal import ArgumentParser
internal import Bootstrap
internal import Messaging
internal import Model

/// Reads the values of options; what can't be read is a usage error.
enum Arguments {
    static func channel(_ text: String) throws -> ChannelID {
        guard let id = ChannelID(text) else { throw ValidationError("A channel's id is a UUID with hyphens.") }
        return id
    }

    /// Takes any text: a refusal here would be shown with the text.
    static func secret(_ text: String) -> Secret { Secret(text) }

    static func address(_ text: String) throws -> ServiceAddress {
        guard let address = ServiceAddress(text) else {
            throw ValidationError("Expected an address as http://127.0.0.1:8185.")
        }
        return address
    }

    static func httpAddress(_ text: String) throws -> ServiceAddress {
        guard let address = ServiceAddress(text), MessageTransport(address.scheme) == .http else {
            throw ValidationError("Expected an address as http://127.0.0.1:8182.")
        }
        return address
    }

    static func subtopic(_ text: String) throws -> Subtopic {
        do throws(TopicError) {
            return try Subtopic(text[...])
        } catch {
            throw ValidationError(error.explanation)
        }
    }

    static func pattern(_ text: String) throws -> SubtopicFilter {
        do throws(TopicError) {
            return try SubtopicFilter(natsStyle: text[...])
        } catch {
            throw ValidationError(error.explanation)
        }
    }

    /// `500ms`, `10s`, `5m` or `1h`; not zero.
    static func duration(_ text: String) throws -> Duration {
        guard let duration = Duration(variable: text), duration > .zero else {
            throw ValidationError("Expected a duration as 500ms, 10s, 5m or 1h.")
        }
        return duration
    }
}
