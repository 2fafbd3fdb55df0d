#define _GNU_SOURCE
#include "client.h"
#include "mqtt.h"
#include "publisher.h"
#include "subscriber.h"
#include "support.h"
#include <stdio.h>
#include <unistd.h>

enum { KEEP_ALIVE_SECONDS = 60, MOST_PENDING = 64 };

static Connection *connections;   /* publishers, then subscribers */
static uint32_t count, pending, usable;
static uint64_t last_ping;

static bool is_subscriber(const Connection *connection) { return connection->number >= options.publishers; }

void client_log_in(Connection *connection, uint32_t identifier) {
    char client_id[32];
    snprintf(client_id, sizeof client_id, "load-%d-%u", (int)getpid(), identifier);
    const Account *account = &options.accounts[connection->number % options.account_count];
    mqtt_put_connect(connection, client_id, account, KEEP_ALIVE_SECONDS);
    network_flush(connection);
}

static void log_in(Connection *connection) { client_log_in(connection, connection->number); }

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
    mqtt_put_subscribe(connection, options.topic);
    network_flush(connection);
}

static void subscribed(Connection *connection, const uint8_t *body, uint32_t length) {
    if (length != 3 || body[2])
        fail(EXIT_SERVER, "connection %u: subscription refused with 0x%02x", connection->number,
             length > 2 ? body[2] : 0x80u);
    ready();
}

static void take_packet(Connection *connection, uint8_t header, const uint8_t *body, uint32_t length) {
    switch (header >> 4) {
    case PUBLISH:
        if (!is_subscriber(connection)) break;
        subscriber_receive(connection->number - options.publishers, header, body, length);
        return;
    case CONNACK: connected(connection, body, length); return;
    case SUBACK: subscribed(connection, body, length); return;
    case PINGRESP: return;
    }
    fail(EXIT_SERVER, "connection %u: unexpected packet 0x%02x of %u bytes", connection->number, header, length);
}

static void written(Connection *connection) {
    if (!is_subscriber(connection)) publisher_written(connection->number);
}

void clients_open(void) {
    network_start((ConnectionEvents){ .opened = log_in, .packet = take_packet, .written = written });
    count = options.publishers + options.subscribers;
    connections = zeroed(count, sizeof *connections);
    uint64_t end = clock_now() + (uint64_t)(options.timeout * 1e9);
    for (uint32_t next = 0; usable < count;) {
        while (next < count && pending < MOST_PENDING) {
            pending++;
            network_connect(&connections[next], next);
            next++;
        }
        network_poll(10);
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
    for (uint32_t i = 0; i < count; i++) {
        mqtt_put_ping(&connections[i]);
        if (!connections[i].blocked) network_flush(&connections[i]);
    }
}

void clients_close(void) {
    for (uint32_t i = 0; i < count; i++) {
        mqtt_put_disconnect(&connections[i]);
        if (!connections[i].blocked) network_flush(&connections[i]);
        network_close(&connections[i]);
    }
}
