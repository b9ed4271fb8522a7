// Operators with state, maps and timers per key: the functions of the interface `keyed`.
#ifndef WEIR_KEYED_CALL_H
#define WEIR_KEYED_CALL_H

#include "maps.h"
#include "running.h"
#include "timers.h"

// A call of `process` or `on-timer`.
struct weir_keyed {
    const uint32_t *key_of_row;
    uint32_t key_count;
    void **slots;        // the state of each key; NULL: it has none
    bool *changed;       // whether it is another than the host has
    unsigned char *keys; // the structs of the key columns, one per row
    bool has_watermark;
    int64_t watermark, processing_time;
    weir_timers timers;
    weir_call_map maps[WEIR_MAPS_MAX];
    // What the row that is being processed found.
    void *slot_before;
    bool changed_before;
    size_t timers_before;
};

bool weir_keyed_process(const weir_connected *connected, uint32_t input, const wire_batch_t *batch, wire_buffer_t key_of_row,
                        const wire_states_t *states, const exports_keyed_clock_t *now, exports_keyed_keyed_delta_t *answer,
                        wire_string_t *error);
bool weir_keyed_on_timer(const weir_connected *connected, const exports_keyed_timers_t *due, const wire_batch_t *keys,
                         const wire_states_t *states, const exports_keyed_clock_t *now, exports_keyed_keyed_delta_t *answer,
                         wire_string_t *error);

#endif
