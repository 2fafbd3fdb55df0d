#include "connect.h"
#include "client.h"
#include "mqtt.h"
#include "options.h"
#include "support.h"

/* One after the other, always with the same account and with the TLS session of the one before. */
typedef struct {
    Connection connection;
    uint64_t started;
    uint32_t identifier, done;
} Place;

static Place *places;
static uint32_t started, under_way, used_places;
static uint64_t done, resumed;
static bool stopping, measuring;
static ConnectMeasurement measurement;

static void start(Place *place) {
    under_way++;
    place->identifier = started++;
    place->started = clock_now();
    network_connect(&place->connection, (uint32_t)(place - places));
}

static void log_in(Connection *connection) { client_log_in(connection, places[connection->number].identifier); }

static void finish(Place *place) {
    resumed += tls_resumed(place->connection.tls);
    mqtt_put_disconnect(&place->connection);
    network_flush(&place->connection);
    network_close(&place->connection);
    if (options.resume && !tls_has_session(place->connection.tls))
        fail(EXIT_SERVER, "the server gave no TLS session to resume");
    if (measuring) histogram_add(&measurement.latency, network_time - place->started);
    done++;
    used_places += !place->done++;
    under_way--;
}

static void take_packet(Connection *connection, uint8_t header, const uint8_t *body, uint32_t length) {
    if (header >> 4 != CONNACK)
        fail(EXIT_SERVER, "connection %u: packet 0x%02x is no CONNACK", connection->number, header);
    client_check_connack(connection, body, length);
    finish(&places[connection->number]);
    if (!stopping) start(&places[connection->number]);
}

static size_t take(Connection *connection, const uint8_t *bytes, size_t length) {
    return mqtt_take(connection, bytes, length, take_packet);
}

static void written(Connection *connection) { (void)connection; }

static ConnectSnapshot snapshot(void) {
    return (ConnectSnapshot){ moment_now(), done, resumed };
}

/* Waits for the sockets; ends the program when nothing has come of it for too long. */
static void wait(void) {
    static uint64_t seen, progress;
    network_poll(10 * MILLISECOND);
    if (done != seen || !progress) {
        seen = done;
        progress = network_time;
    }
    if ((double)(network_time - progress) > options.timeout * 1e9)
        fail(EXIT_SERVER, "no connection was let in for %g s", options.timeout);
}

static void warm_up(void) {
    uint64_t end = clock_now() + (uint64_t)(options.warmup * 1e9);
    while (network_time < end || (options.resume && used_places < options.parallel)) wait();
}

static bool enough(uint64_t end) {
    if (options.count) return done - measurement.start.connections >= options.count;
    return network_time >= end;
}

const ConnectMeasurement *connect_run(void) {
    network_start((ConnectionEvents){ .opened = log_in, .take = take, .written = written });
    places = zeroed(options.parallel, sizeof *places);
    for (uint32_t i = 0; i < options.parallel; i++) start(&places[i]);
    warm_up();
    measurement.start = snapshot();
    measuring = true;
    uint64_t end = clock_now() + (uint64_t)(options.seconds * 1e9);
    while (!enough(end)) wait();
    measurement.end = snapshot();
    measuring = false;
    stopping = true;
    while (under_way) wait();
    measurement.total = done;
    return &measurement;
}
