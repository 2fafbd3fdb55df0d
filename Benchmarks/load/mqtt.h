/* The packets that we send (MQTT 3.1.1). */
#pragma once
#include "network.h"
#include "options.h"

enum { CONNACK = 2, PUBLISH = 3, SUBACK = 9, PINGRESP = 13 };   /* packet types that we expect */

/* The start of every PUBLISH of a run, up to the payload. */
typedef struct {
    uint8_t *bytes;
    uint32_t length;
} PublishHeader;

static inline uint16_t mqtt_u16(const uint8_t *bytes) { return (uint16_t)(bytes[0] << 8 | bytes[1]); }

void mqtt_put_connect(Connection *connection, const char *client_id, const Account *account, uint16_t keep_alive);
void mqtt_put_subscribe(Connection *connection, const char *topic);
void mqtt_put_ping(Connection *connection);
void mqtt_put_disconnect(Connection *connection);
PublishHeader mqtt_publish_header(const char *topic, uint32_t payload);
