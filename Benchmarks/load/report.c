#include "report.h"
#include "options.h"
#include "publisher.h"
#include "subscriber.h"
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

void report(Measurement measurement) {
    const Snapshot a = measurement.start, b = measurement.end;
    double seconds = (double)(b.time - a.time) / 1e9, server = b.server_cpu - a.server_cpu;
    uint64_t received = b.received - a.received;
    printf("{\"protocol\":\"MQTT 3.1.1\",\"qos\":0");
    integer("publishers", options.publishers);
    integer("subscribers", options.subscribers);
    integer("size", options.size);
    integer("window", options.window);
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
    decimal("own_cpu_s", b.own_cpu - a.own_cpu);
    decimal("server_cpu_s", server);
    if (server > 0) decimal("received_per_server_cpu_s", (double)received / server);
    puts("}");
}
