#define _GNU_SOURCE
#include "client.h"
#include "mqtt.h"
#include "publisher.h"
#include "subscriber.h"
#include "support.h"
#include "websocket.h"
#include <stdio.h>
#include <unistd.h>

enum { KEEP_ALIVE_SECONDS = 60, MOST_PENDING = 64 };

static Connection *connections;   /* publishers, then subscribers */
static uint32_t count, pending, usable;
static uint64_t last_ping;

static bool is_subscriber(const Connection *connection) { return connection->number >= options.publishers; }

static const Account *account_of(const Connection *connection) {
    return &options.accounts[connection->number % options.account_count];
}

void client_log_in(Connection *connection, uint32_t identifier) {
    char client_id[32];
    snprintf(client_id, sizeof client_id, "load-%d-%u", (int)getpid(), identifier);
    const Account *account = account_of(connection);
    mqtt_put_connect(connection, client_id, account, KEEP_ALIVE_SECONDS);
    network_flush(connection);
}

static void log_in(Connection *connection) {
    if (!options.websocket) {
        client_log_in(connection, connection->number);
        return;
    }
    websocket_put_upgrade(connection, options.topic, account_of(connection)->password);
    network_flush(connection);
}

void client_check_connack(const Connection *connection, const uint8_t *body, uint32_t length) {
    if (length != 2 || body[1])
        fail(EXIT_SERVER, "connection %u: refused with code %d", connection->number, length > 1 ? body[1] : -1);
}

static void ready(void) {
    pending--;
    usable++;
}

static void connected(Connection *connection, const uint8_t *body, uint32_t length) {
    client_check_connack(connection, body, length);
    if (!is_subscriber(connection)) {
        ready();
        return;
    }
    mqtt_put_subscribe(connection, options.topic, (uint8_t)options.qos);
    network_flush(connection);
}

static void subscribed(Connection *connection, const uint8_t *body, uint32_t length) {
    if (length != 3 || body[2] != options.qos)
        fail(EXIT_SERVER, "connection %u: subscription refused with 0x%02x", connection->number,
             length > 2 ? body[2] : 0x80u);
    ready();
}

/* An acknowledgement, and what it is answered with. */
static bool take_ack(Connection *connection, uint8_t type, const uint8_t *body, uint32_t length) {
    if (length != 2 || is_subscriber(connection) != (type == PUBREL)) return false;
    switch (type) {
    case PUBREC: mqtt_put_ack(connection, PUBREL, mqtt_u16(body)); return options.qos == 2;
    case PUBREL: mqtt_put_ack(connection, PUBCOMP, mqtt_u16(body)); return options.qos == 2;
    default: return (type == PUBACK ? 1 : 2) == options.qos && publisher_acknowledged(connection->number);
    }
}

static void take_packet(Connection *connection, uint8_t header, const uint8_t *body, uint32_t length) {
    switch (header >> 4) {
    case PUBLISH:
        if (!is_subscriber(connection)) break;
        subscriber_receive(connection, header, body, length);
        return;
    case PUBACK: case PUBREC: case PUBREL: case PUBCOMP:
        if (!take_ack(connection, header >> 4, body, length)) break;
        return;
    case CONNACK: connected(connection, body, length); return;
    case SUBACK: subscribed(connection, body, length); return;
    case PINGRESP: return;
    }
    fail(EXIT_SERVER, "connection %u: unexpected packet 0x%02x of %u bytes", connection->number, header, length);
}

static void take_frame(Connection *connection, uint8_t header, const uint8_t *body, uint32_t length) {
    switch (header & ~0x80) {   /* no parts of messages: a frame is final, and has no other flags */
    case UPGRADED: ready(); return;
    case TEXT: case BINARY:
        if (is_subscriber(connection)) subscriber_receive(connection, header, body, length);
        return;   /* a publisher hears the channel too */
    case PING: websocket_put_pong(connection, body, length); return;
    }
    fail(EXIT_SERVER, "connection %u: unexpected frame 0x%02x of %u bytes", connection->number, header, length);
}

static size_t take(Connection *connection, const uint8_t *bytes, size_t length) {
    return options.websocket ? websocket_take(connection, bytes, length, take_frame)
                             : mqtt_take(connection, bytes, length, take_packet);
}

static void written(Connection *connection) {
    if (!is_subscriber(connection)) publisher_written(connection->number);
}

void clients_open(void) {
    network_start((ConnectionEvents){ .opened = log_in, .take = take, .written = written });
    count = options.publishers + options.subscribers;
    connections = zeroed(count, sizeof *connections);
    uint64_t end = clock_now() + (uint64_t)(options.timeout * 1e9);
    for (uint32_t next = 0; usable < count;) {
        while (next < count && pending < MOST_PENDING) {
            pending++;
            network_connect(&connections[next], next);
            next++;
        }
        network_poll(10 * MILLISECOND);
        if (network_time > end)
            fail(EXIT_SERVER, "only %u of %u connections after %g s", usable, count, options.timeout);
    }
    last_ping = network_time;
    subscribers_start();
    publishers_start(connections);
}

void clients_keep_alive(void) {
    if (network_time - last_ping < KEEP_ALIVE_SECONDS / 2 * SECOND) return;
    last_ping = network_time;
    if (options.websocket) return;   /* there the server does it */
    for (uint32_t i = 0; i < count; i++) {
        mqtt_put_ping(&connections[i]);
        if (!connections[i].blocked) network_flush(&connections[i]);
    }
}

void clients_close(void) {
    for (uint32_t i = 0; i < count; i++) {
        if (!options.websocket) mqtt_put_disconnect(&connections[i]);
        if (!connections[i].blocked) network_flush(&connections[i]);
        network_close(&connections[i]);
    }
}
