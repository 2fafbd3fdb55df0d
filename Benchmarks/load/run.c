#include "run.h"
#include "client.h"
#include "network.h"
#include "options.h"
#include "publisher.h"
#include "subscriber.h"
#include "support.h"

static Snapshot snapshot(void) {
    return (Snapshot){ moment_now(), publishers_sent, deliveries.received };
}

/* Publishes as fast as the windows allow. */
static void publish_for(double seconds) {
    uint64_t end = clock_now() + (uint64_t)(seconds * 1e9), checked = network_time;
    while (network_time < end) {
        bool more = publishers_step();
        network_poll(more ? publishers_pause() : 50 * MILLISECOND);
        clients_keep_alive();
        if (network_time - checked < SECOND / 4) continue;
        checked = network_time;
        publishers_write_off();
    }
}

/* Waits until everything has arrived, and a moment longer for duplicates; or until nothing comes any more. */
static void drain(void) {
    uint64_t progress = network_time, settled = 0, seen = 0, patience = (uint64_t)(options.drain * 1e9);
    for (;;) {
        network_poll(5 * MILLISECOND);
        clients_keep_alive();
        uint64_t arrived = deliveries.received + deliveries.duplicated;
        if (arrived != seen) {
            seen = arrived;
            progress = network_time;
        }
        if (!publishers_settled()) settled = 0;
        else if (!settled) settled = network_time;
        if (settled && network_time - settled > 50 * MILLISECOND) return;
        if (network_time - progress > patience) return;
    }
}

Measurement run(void) {
    Measurement measurement;
    publish_for(options.warmup);
    measurement.start = snapshot();
    latency_counts = true;
    publish_for(options.seconds);
    measurement.end = snapshot();
    latency_counts = false;
    drain();
    return measurement;
}
