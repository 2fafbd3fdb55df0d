#include "subscriber.h"
#include "mqtt.h"
#include "options.h"
#include "publisher.h"
#include "stamp.h"
#include "support.h"
#include <string.h>

/* What one subscriber has seen of one publisher. Bit k of `seen`: message next − 1 − k has arrived. */
typedef struct {
    uint32_t next, lost;
    uint64_t seen;
} Track;

Deliveries deliveries;
Histogram latency;
bool latency_counts;

static Track *tracks;   /* of subscriber s and publisher p: tracks[s × publishers + p] */
static uint32_t topic_length, before_payload;
static uint64_t start_time;

void subscribers_start(void) {
    topic_length = (uint32_t)strlen(options.topic);
    before_payload = options.websocket ? 0 : 2 + topic_length + (options.qos ? 2 : 0);
    tracks = zeroed((size_t)options.subscribers * options.publishers, sizeof *tracks);
    start_time = clock_now();
}

/* In order, or the first after a gap. */
static void advance(Track *track, Stamp stamp) {
    uint32_t gap = stamp.sequence - track->next;
    track->lost += gap;
    track->next = stamp.sequence + 1;
    track->seen = gap < 63 ? track->seen << (gap + 1) | 1 : 1;
    publisher_delivered(stamp.publisher, gap + 1);
}

/* Behind what has been seen: false for a duplicate, true for a message that had been taken for lost. */
static bool fill_gap(Track *track, Stamp stamp) {
    uint32_t back = track->next - stamp.sequence - 1;
    if (!track->lost || (back < 64 && track->seen >> back & 1)) return false;
    if (back < 64) track->seen |= 1ull << back;
    track->lost--;
    return true;
}

static bool is_ours(uint8_t packet_header, const uint8_t *body, uint32_t length) {
    if (options.websocket) return length == options.size;
    const uint8_t duplicate = options.qos ? 8 : 0;
    return (packet_header & ~duplicate) == (PUBLISH << 4 | options.qos << 1) && length == before_payload + options.size
        && mqtt_u16(body) == topic_length && !memcmp(body + 2, options.topic, topic_length);
}

void subscriber_receive(Connection *connection, uint8_t packet_header, const uint8_t *body, uint32_t length) {
    const uint32_t subscriber = connection->number - options.publishers;
    if (!tracks || !is_ours(packet_header, body, length)) {
        deliveries.foreign++;
        return;
    }
    if (options.qos) mqtt_put_ack(connection, options.qos == 1 ? PUBACK : PUBREC, mqtt_u16(body + 2 + topic_length));
    Stamp stamp = stamp_read(body + before_payload);
    if (stamp.publisher >= options.publishers || stamp.time < start_time
        || stamp.sequence >= publisher_sequence(stamp.publisher)) {
        deliveries.foreign++;
        return;
    }
    Track *track = &tracks[(size_t)subscriber * options.publishers + stamp.publisher];
    if (stamp.sequence >= track->next) {
        advance(track, stamp);
    } else if (fill_gap(track, stamp)) {
        deliveries.reordered++;
    } else {
        deliveries.duplicated++;
        return;
    }
    deliveries.received++;
    if (latency_counts) histogram_add(&latency, network_time - stamp.time);
}

uint64_t subscribers_lost(void) {
    uint64_t lost = 0;
    for (uint32_t subscriber = 0; subscriber < options.subscribers; subscriber++)
        for (uint32_t publisher = 0; publisher < options.publishers; publisher++) {
            const Track *track = &tracks[(size_t)subscriber * options.publishers + publisher];
            lost += track->lost + publisher_sequence(publisher) - track->next;
        }
    return lost;
}
