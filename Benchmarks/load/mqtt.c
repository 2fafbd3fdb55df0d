#include "mqtt.h"
#include "support.h"
#include <string.h>

enum { MAX_PACKET = 16 << 20 };
enum { CLEAN_SESSION = 0x02, HAS_PASSWORD = 0x40, HAS_USER = 0x80 };

static uint8_t *put_length(uint8_t *bytes, uint32_t length) {
    do {
        *bytes = length & 127;
        if (length >>= 7) *bytes |= 128;
        bytes++;
    } while (length);
    return bytes;
}

static uint8_t *put_u16(uint8_t *bytes, uint16_t value) {
    *bytes++ = (uint8_t)(value >> 8);
    *bytes++ = (uint8_t)value;
    return bytes;
}

static uint8_t *put_string(uint8_t *bytes, const char *string) {
    uint16_t length = (uint16_t)strlen(string);
    bytes = put_u16(bytes, length);
    memcpy(bytes, string, length);
    return bytes + length;
}

static void put_packet(Connection *connection, uint8_t type, const uint8_t *body, uint32_t length) {
    uint8_t header[5] = { type };
    uint32_t header_length = (uint32_t)(put_length(header + 1, length) - header);
    uint8_t *room = network_room(connection, header_length + length);
    memcpy(room, header, header_length);
    if (length) memcpy(room + header_length, body, length);
}

void mqtt_put_connect(Connection *connection, const char *client_id, const Account *account, uint16_t keep_alive) {
    uint8_t body[4096], *end = put_string(body, "MQTT");
    *end++ = 4;   /* protocol level: 3.1.1 */
    *end++ = (uint8_t)(CLEAN_SESSION | (account->user ? HAS_USER : 0) | (account->password ? HAS_PASSWORD : 0));
    end = put_u16(end, keep_alive);
    end = put_string(end, client_id);
    if (account->user) end = put_string(end, account->user);
    if (account->password) end = put_string(end, account->password);
    put_packet(connection, 0x10, body, (uint32_t)(end - body));
}

void mqtt_put_subscribe(Connection *connection, const char *topic, uint8_t qos) {
    uint8_t body[2048], *end = put_string(put_u16(body, 1), topic);
    *end++ = qos;
    put_packet(connection, 0x82, body, (uint32_t)(end - body));
}

void mqtt_put_ack(Connection *connection, uint8_t type, uint16_t identifier) {
    uint8_t body[2];
    put_u16(body, identifier);
    put_packet(connection, (uint8_t)(type << 4 | (type == PUBREL ? 2 : 0)), body, sizeof body);
}

void mqtt_put_ping(Connection *connection) { put_packet(connection, 0xc0, NULL, 0); }

void mqtt_put_disconnect(Connection *connection) { put_packet(connection, 0xe0, NULL, 0); }

PublishHeader mqtt_publish_header(const char *topic, uint8_t qos, uint32_t payload) {
    uint32_t topic_length = (uint32_t)strlen(topic), identifier = qos ? 2 : 0;
    uint8_t *bytes = zeroed(topic_length + 10, 1), *end = bytes;
    *end++ = (uint8_t)(PUBLISH << 4 | qos << 1);
    end = put_string(put_length(end, 2 + topic_length + identifier + payload), topic) + identifier;
    return (PublishHeader){ bytes, (uint32_t)(end - bytes) };
}

size_t mqtt_take(Connection *connection, const uint8_t *bytes, size_t length, PacketHandler *handler) {
    size_t done = 0;
    while (length - done >= 2) {
        const uint8_t *packet = bytes + done;
        size_t left = length - done, header = 2;
        uint32_t body = packet[1] & 127;
        for (unsigned shift = 7; packet[header - 1] & 128; shift += 7) {
            if (header == 5) fail(EXIT_SERVER, "connection %u: malformed remaining length", connection->number);
            if (header == left) return done;
            body |= (uint32_t)(packet[header++] & 127) << shift;
        }
        if (body > MAX_PACKET) fail(EXIT_SERVER, "connection %u: packet of %u bytes", connection->number, body);
        if (left - header < body) break;
        handler(connection, packet[0], packet + header, body);
        if (connection->phase != OPEN) return length;   /* closed by the event */
        done += header + body;
    }
    return done;
}
