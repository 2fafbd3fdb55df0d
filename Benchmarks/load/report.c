#include "report.h"
#include "options.h"
#include "publisher.h"
#include "subscriber.h"
#include "tls.h"
#include <stdio.h>

static void integer(const char *key, uint64_t value) { printf(",\"%s\":%llu", key, (unsigned long long)value); }

static void decimal(const char *key, double value) { printf(",\"%s\":%.3f", key, value); }

static void quantiles(const char *key, const Histogram *histogram) {
    static const struct { const char *name; double fraction; } wanted[] = {
        { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p999", 0.999 },
    };
    printf(",\"%s\":{\"count\":%llu", key, (unsigned long long)histogram->count);
    for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        decimal(wanted[i].name, histogram_quantile_us(histogram, wanted[i].fraction));
    decimal("max", (double)histogram->largest / 1e3);
    putchar('}');
}

static void text(const char *key, const char *value) { printf(",\"%s\":\"%s\"", key, value); }

static void begin(const char *work) {
    printf("{\"work\":\"%s\",\"protocol\":\"%s\"", work, options.websocket ? "WebSocket" : "MQTT 3.1.1");
    if (!options.tls_ca) return;
    text("tls", tls_version);
    text("tls_cipher", tls_cipher);
    text("tls_group", tls_group);
    integer("tls_full", tls_handshakes.full);
    integer("tls_resumed", tls_handshakes.resumed);
}

/* What a span of time cost, and how much was done for it. */
static void costs(Moment a, Moment b, const char *what, uint64_t count) {
    char key[64];
    double server = b.server_cpu - a.server_cpu;
    decimal("own_cpu_s", b.own_cpu - a.own_cpu);
    decimal("server_cpu_s", server);
    snprintf(key, sizeof key, "%s_per_server_cpu_s", what);
    if (server > 0) decimal(key, (double)count / server);
}

static double seconds_between(Moment a, Moment b) { return (double)(b.time - a.time) / 1e9; }

void report_fan(Measurement measurement) {
    const Snapshot a = measurement.start, b = measurement.end;
    double seconds = seconds_between(a.moment, b.moment);
    uint64_t received = b.received - a.received;
    begin("fan");
    integer("qos", options.qos);
    integer("publishers", options.publishers);
    integer("subscribers", options.subscribers);
    integer("size", options.size);
    integer("window", options.window);
    if (options.qos) integer("inflight", options.inflight);
    if (options.rate > 0) decimal("rate", options.rate);
    decimal("seconds", seconds);
    integer("sent", b.sent - a.sent);
    integer("received", received);
    decimal("received_per_s", (double)received / seconds);
    quantiles("latency_us", &latency);
    integer("total_sent", publishers_sent);
    integer("total_expected", publishers_sent * options.subscribers);
    integer("total_received", deliveries.received);
    integer("lost", subscribers_lost());
    integer("duplicated", deliveries.duplicated);
    integer("reordered", deliveries.reordered);
    integer("foreign", deliveries.foreign);
    integer("stalled_windows", publishers_stalled);
    costs(a.moment, b.moment, "received", received);
    puts("}");
}

void report_connect(const ConnectMeasurement *measurement) {
    const ConnectSnapshot a = measurement->start, b = measurement->end;
    double seconds = seconds_between(a.moment, b.moment);
    uint64_t connections = b.connections - a.connections;
    begin("connect");
    integer("parallel", options.parallel);
    decimal("seconds", seconds);
    integer("connections", connections);
    decimal("connections_per_s", (double)connections / seconds);
    integer("resumed", b.resumed - a.resumed);
    quantiles("latency_us", &measurement->latency);
    integer("total_connections", measurement->total);
    costs(a.moment, b.moment, "connections", connections);
    puts("}");
}

void report_idle(IdleMeasurement measurement) {
    const uint32_t connections = options.publishers + options.subscribers;
    double seconds = seconds_between(measurement.start, measurement.opened);
    begin("idle");
    integer("connections", connections);
    integer("subscribed", options.subscribers);
    decimal("seconds", seconds);
    decimal("connections_per_s", connections / seconds);
    integer("server_memory_before", measurement.memory_before);
    integer("server_memory_after", measurement.memory_after);
    double growth = (double)measurement.memory_after - (double)measurement.memory_before;
    decimal("bytes_per_connection", growth / connections);
    costs(measurement.start, measurement.opened, "connections", connections);
    puts("}");
}
