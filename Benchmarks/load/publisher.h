/* Publishers send as fast as their windows let them, or at a rate. */
#pragma once
#include "network.h"

extern uint64_t publishers_sent;      /* messages since the run began */
extern uint64_t publishers_stalled;   /* windows given up because nothing came for a second, or for ten with QoS 1 and 2 */

/* Connections [0, publishers) belong to them. */
void publishers_start(Connection *connections);

/* Sends what the windows allow, at most 8192 messages before the sockets get their turn; true: there is more. */
bool publishers_step(void);

/* Nanoseconds until the next message is due. */
uint64_t publishers_pause(void);

/* One message of this publisher is acknowledged, the last time with QoS 2; false: none was to be. */
bool publisher_acknowledged(uint32_t publisher);

/* All output of this publisher is written. */
void publisher_written(uint32_t publisher);

/* So many messages of this publisher have reached (or passed by) one subscriber. */
void publisher_delivered(uint32_t publisher, uint32_t count);

/* Opens the windows whose messages the server has evidently dropped. */
void publishers_write_off(void);

uint32_t publisher_sequence(uint32_t publisher);
bool publishers_settled(void);
