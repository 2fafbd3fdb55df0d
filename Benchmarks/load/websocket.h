/* WebSocket (RFC 6455), as far as we speak it: a message is one frame. */
#pragma once
#include "mqtt.h"

enum { TEXT = 1, BINARY = 2, PING = 9, UPGRADED = 16 };   /* opcodes; the last stands for the answer to the upgrade */

/* Asks for the upgrade, with the key in the query. */
void websocket_put_upgrade(Connection *connection, const char *path, const char *key);

void websocket_put_pong(Connection *connection, const uint8_t *body, uint32_t length);

/* The start of every frame of a run. Its mask is 0, so that the payload goes as it is. */
PublishHeader websocket_publish_header(uint32_t payload);

/* Handles the answer to the upgrade, then whole frames, and returns how many bytes they were. */
size_t websocket_take(Connection *connection, const uint8_t *bytes, size_t length, PacketHandler *handler);
