/* MQTT 3.1.1, as far as we speak it. */
#pragma once
#include "network.h"
#include "options.h"

enum {   /* packet types that we expect */
    CONNACK = 2, PUBLISH = 3, PUBACK = 4, PUBREC = 5, PUBREL = 6, PUBCOMP = 7, SUBACK = 9, PINGRESP = 13
};

/* What is done with a packet. */
typedef void PacketHandler(Connection *, uint8_t header, const uint8_t *body, uint32_t length);

/* Handles the whole packets in these bytes and returns how many bytes they were. */
size_t mqtt_take(Connection *connection, const uint8_t *bytes, size_t length, PacketHandler *handler);

/* The start of every PUBLISH of a run, up to the payload; with QoS 1 and 2 it ends with room for the packet identifier. */
typedef struct {
    uint8_t *bytes;
    uint32_t length;
} PublishHeader;

static inline uint16_t mqtt_u16(const uint8_t *bytes) { return (uint16_t)(bytes[0] << 8 | bytes[1]); }

void mqtt_put_connect(Connection *connection, const char *client_id, const Account *account, uint16_t keep_alive);
void mqtt_put_subscribe(Connection *connection, const char *topic, uint8_t qos);

/* PUBACK, PUBREC, PUBREL or PUBCOMP. */
void mqtt_put_ack(Connection *connection, uint8_t type, uint16_t identifier);
void mqtt_put_ping(Connection *connection);
void mqtt_put_disconnect(Connection *connection);
PublishHeader mqtt_publish_header(const char *topic, uint8_t qos, uint32_t payload);
