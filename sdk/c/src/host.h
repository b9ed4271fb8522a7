// What the host offers during a call: in a component the imports of its world, in a test what the test keeps.
#ifndef WEIR_HOST_H
#define WEIR_HOST_H

#include "../bindings/wire.h"

typedef struct weir_host {
    void (*log)(wire_log_level_t level, wire_string_t *message);
    void (*count)(wire_string_t *name, uint64_t by);
    void (*gauge)(wire_string_t *name, double value);
    void (*observe)(wire_string_t *name, double value);
    // NULL where there are no maps.
    bool (*get)(uint32_t map, wire_buffer_t *keys, wire_maps_list_node_t *entry_keys, wire_maps_found_t *found,
                wire_string_t *error);
    bool (*scan)(uint32_t map, uint32_t key, wire_maps_bound_t *lower, wire_maps_bound_t *upper, uint32_t limit,
                 wire_maps_page_t *page, wire_string_t *error);
} weir_host;

// NULL before the first call.
extern const weir_host *weir_the_host;

#endif
