/* The first bytes of a payload: who sent it, as which of his messages, when. */
#pragma once
#include <stdint.h>
#include <string.h>

typedef struct {
    uint64_t time;
    uint32_t publisher, sequence;
} Stamp;

static inline void stamp_write(uint8_t *payload, Stamp stamp) { memcpy(payload, &stamp, sizeof stamp); }

static inline Stamp stamp_read(const uint8_t *payload) {
    Stamp stamp;
    memcpy(&stamp, payload, sizeof stamp);
    return stamp;
}
