/* Subscribers count what arrives: in order, late, twice, never. */
#pragma once
#include "histogram.h"
#include "network.h"

typedef struct {
    uint64_t received, duplicated, reordered;
    uint64_t foreign;   /* not a message of this run on its topic */
} Deliveries;

extern Deliveries deliveries;
extern Histogram latency;
extern bool latency_counts;   /* on while measuring */

void subscribers_start(void);

/* Takes the body of a PUBLISH, and acknowledges it. */
void subscriber_receive(Connection *connection, uint8_t packet_header, const uint8_t *body, uint32_t length);

/* Deliveries that were due and never came. */
uint64_t subscribers_lost(void);
