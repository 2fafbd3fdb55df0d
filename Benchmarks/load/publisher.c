#include "publisher.h"
#include "mqtt.h"
#include "options.h"
#include "stamp.h"
#include "support.h"
#include "websocket.h"
#include <string.h>

enum { STEP_MESSAGES = 8192, MAX_WRITE = 64 << 10 };

typedef struct {
    Connection *connection;
    uint32_t sequence;        /* messages sent */
    uint32_t unacknowledged;
    bool queued;
    int64_t undelivered;      /* deliveries awaited, over all subscribers */
    uint64_t last_delivery;
} Publisher;

uint64_t publishers_sent, publishers_stalled;

static Publisher *publishers;
static PublishHeader header;
static uint8_t *filler;
static int64_t most_undelivered, refill_mark;
static uint32_t batch;
static uint64_t start_time;
static struct { uint32_t *slots, capacity, head, count; } ready;   /* ring of publishers that may send */

static void enqueue(Publisher *publisher) {
    if (publisher->queued || publisher->connection->blocked) return;
    publisher->queued = true;
    ready.slots[(ready.head + ready.count++) % ready.capacity] = (uint32_t)(publisher - publishers);
}

/* A publisher that has filled its window waits until half of it is free, so that batches form. */
static void refill(Publisher *publisher) {
    if (publisher->undelivered <= refill_mark && publisher->unacknowledged <= options.inflight / 2) enqueue(publisher);
}

void publishers_start(Connection *connections) {
    header = options.websocket ? websocket_publish_header(options.size)
                               : mqtt_publish_header(options.topic, (uint8_t)options.qos, options.size);
    filler = memset(zeroed(options.size, 1), 'x', options.size);
    most_undelivered = (int64_t)options.window * options.subscribers;
    refill_mark = most_undelivered / 2;
    batch = MAX_WRITE / (header.length + options.size);
    if (batch > options.batch) batch = options.batch;
    if (!batch) batch = 1;
    start_time = clock_now();
    ready.slots = zeroed(ready.capacity = options.publishers, sizeof *ready.slots);
    publishers = zeroed(options.publishers, sizeof *publishers);
    for (uint32_t i = 0; i < options.publishers; i++) {
        publishers[i].connection = &connections[i];
        enqueue(&publishers[i]);
    }
}

/* Messages that the window lets this publisher send now. */
static uint32_t allowance(const Publisher *publisher) {
    int64_t room = (most_undelivered - publisher->undelivered) / options.subscribers;
    uint32_t allowed = room < 0 ? 0 : room < batch ? (uint32_t)room : batch;
    uint32_t free = options.inflight - publisher->unacknowledged;
    return options.qos && free < allowed ? free : allowed;
}

/* When the message of this number, over all publishers, is to be sent; it counts as sent then, whenever it is. */
static uint64_t due_time(uint64_t number) { return start_time + (uint64_t)((double)number / options.rate * 1e9); }

/* Messages that are due and not sent yet. */
static uint32_t due(void) {
    if (!options.rate) return STEP_MESSAGES;
    double wanted = (double)(clock_now() - start_time) / 1e9 * options.rate - (double)publishers_sent;
    return wanted < 0 ? 0 : wanted < STEP_MESSAGES ? (uint32_t)wanted : STEP_MESSAGES;
}

uint64_t publishers_pause(void) {
    if (!options.rate) return 0;
    uint64_t now = clock_now(), next = due_time(publishers_sent + 1);
    return next > now ? next - now : 0;
}

static void send_one(Publisher *publisher, uint8_t *room, uint64_t time) {
    memcpy(room, header.bytes, header.length);
    if (options.qos) {
        uint16_t identifier = (uint16_t)(publisher->sequence % UINT16_MAX + 1);
        room[header.length - 2] = (uint8_t)(identifier >> 8);
        room[header.length - 1] = (uint8_t)identifier;
        publisher->unacknowledged++;
    }
    stamp_write(room + header.length, (Stamp){ time, (uint32_t)(publisher - publishers), publisher->sequence++ });
    memcpy(room + header.length + STAMP_BYTES, filler, options.size - STAMP_BYTES);
    publishers_sent++;
}

static void send_batch(Publisher *publisher, uint32_t count, uint64_t time) {
    uint32_t message = header.length + options.size;
    uint8_t *room = network_room(publisher->connection, count * message);
    for (uint32_t i = 0; i < count; i++, room += message)
        send_one(publisher, room, options.rate ? due_time(publishers_sent + 1) : time);
    if (!publisher->undelivered) publisher->last_delivery = time;
    publisher->undelivered += (int64_t)count * options.subscribers;
    network_flush(publisher->connection);
}

bool publishers_step(void) {
    uint32_t quota = due();
    while (quota && ready.count) {
        Publisher *publisher = &publishers[ready.slots[ready.head]];
        ready.head = (ready.head + 1) % ready.capacity;
        ready.count--;
        publisher->queued = false;
        uint32_t count = allowance(publisher);
        if (count > quota) count = quota;
        if (!count || publisher->connection->blocked) continue;
        send_batch(publisher, count, clock_now());
        quota -= count;
        if (allowance(publisher)) enqueue(publisher);
    }
    return ready.count > 0;
}

bool publisher_acknowledged(uint32_t number) {
    Publisher *publisher = &publishers[number];
    if (!publisher->unacknowledged) return false;
    publisher->unacknowledged--;
    refill(publisher);
    return true;
}

void publisher_written(uint32_t publisher) {
    if (publishers) refill(&publishers[publisher]);
}

void publisher_delivered(uint32_t number, uint32_t count) {
    Publisher *publisher = &publishers[number];
    publisher->undelivered -= count;
    if (publisher->undelivered < 0) publisher->undelivered = 0;   /* had been written off */
    publisher->last_delivery = network_time;
    refill(publisher);
}

void publishers_write_off(void) {
    /* QoS 0 may be dropped; what is acknowledged is only late. */
    uint64_t patience = options.qos ? 10 * SECOND : SECOND;
    for (uint32_t i = 0; i < options.publishers; i++) {
        Publisher *publisher = &publishers[i];
        if (publisher->undelivered <= refill_mark || network_time - publisher->last_delivery < patience) continue;
        publishers_stalled++;
        publisher->undelivered = 0;
        publisher->last_delivery = network_time;
        refill(publisher);
    }
}

uint32_t publisher_sequence(uint32_t publisher) { return publishers[publisher].sequence; }

bool publishers_settled(void) {
    for (uint32_t i = 0; i < options.publishers; i++)
        if (publishers[i].undelivered || publishers[i].unacknowledged || publishers[i].connection->out_end) return false;
    return true;
}
