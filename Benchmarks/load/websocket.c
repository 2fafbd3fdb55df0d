#define _GNU_SOURCE
#include "websocket.h"
#include "options.h"
#include "support.h"
#include <stdio.h>
#include <string.h>

enum { FINAL = 0x80, MASKED = 0x80, PONG = 10, MOST_HEADER = 14 };

static bool *upgraded;   /* by connection */

void websocket_put_upgrade(Connection *connection, const char *path, const char *key) {
    char request[2048];
    int length = snprintf(request, sizeof request,
                          "GET %s?authorization=%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bG9hZCBsb2FkIGxvYWQgbA==\r\n\r\n",
                          path, key, options.host);
    if (length < 0 || (size_t)length >= sizeof request) fail(EXIT_USAGE, "path and key are too long");
    memcpy(network_room(connection, (uint32_t)length), request, (size_t)length);
    if (!upgraded) upgraded = zeroed(options.publishers + options.subscribers, sizeof *upgraded);
}

static uint32_t put_header(uint8_t *bytes, uint8_t opcode, uint32_t payload) {
    uint32_t count = 2;
    bytes[0] = FINAL | opcode;
    bytes[1] = MASKED | (payload < 126 ? (uint8_t)payload : payload < 65536 ? 126 : 127);
    const uint32_t length_bytes = payload < 126 ? 0 : payload < 65536 ? 2 : 8;
    for (uint32_t i = length_bytes; i-- > 0;) bytes[count++] = i < 4 ? (uint8_t)(payload >> 8 * i) : 0;
    memset(bytes + count, 0, 4);   /* the mask */
    return count + 4;
}

void websocket_put_pong(Connection *connection, const uint8_t *body, uint32_t length) {
    uint8_t header[MOST_HEADER];
    const uint32_t header_length = put_header(header, PONG, length);
    uint8_t *room = network_room(connection, header_length + length);
    memcpy(room, header, header_length);
    if (length) memcpy(room + header_length, body, length);
}

PublishHeader websocket_publish_header(uint32_t payload) {
    uint8_t *bytes = zeroed(MOST_HEADER, 1);
    return (PublishHeader){ bytes, put_header(bytes, BINARY, payload) };
}

static size_t take_answer(Connection *connection, const uint8_t *bytes, size_t length, PacketHandler *handler) {
    const uint8_t *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end) return 0;
    if (length < 12 || memcmp(bytes, "HTTP/1.1 101", 12))
        fail(EXIT_SERVER, "connection %u: no upgrade: %.12s", connection->number, (const char *)bytes);
    upgraded[connection->number] = true;
    handler(connection, UPGRADED, NULL, 0);
    return (size_t)(end - bytes) + 4;
}

size_t websocket_take(Connection *connection, const uint8_t *bytes, size_t length, PacketHandler *handler) {
    size_t done = upgraded[connection->number] ? 0 : take_answer(connection, bytes, length, handler);
    if (!upgraded[connection->number]) return done;
    while (length - done >= 2) {
        const uint8_t *frame = bytes + done;
        const uint8_t size = frame[1];   /* a server doesn't mask */
        const size_t header = size < 126 ? 2 : size == 126 ? 4 : 10;
        if (!(frame[0] & FINAL)) fail(EXIT_SERVER, "connection %u: a message in parts", connection->number);
        if (size > 127) fail(EXIT_SERVER, "connection %u: masked frame", connection->number);
        if (length - done < header) break;
        uint64_t body = header == 2 ? size : 0;
        for (size_t i = 2; i < header; i++) body = body << 8 | frame[i];
        if (body > UINT32_MAX) fail(EXIT_SERVER, "connection %u: frame too long", connection->number);
        if (length - done - header < body) break;
        handler(connection, frame[0], frame + header, (uint32_t)body);
        done += header + (size_t)body;
    }
    return done;
}
