// The exports of a keyed operator; only in a component.
#ifdef __wasm__

#include "memory.h"

#include "../../bindings/keyed.c"

#undef free
#undef realloc
#include "../keyed.h"
#include "../state.h"

WEIR_GUEST(weir_exports_keyed)

static const weir_host HOST = {wire_log_log,         wire_metrics_count, wire_metrics_gauge,
                               wire_metrics_observe, wire_maps_get,      wire_maps_scan};

void exports_keyed_about(exports_keyed_operator_info_t *to) {
    weir_about(weir_exported, to);
    weir_arena_end(&weir_call_memory);
}

bool exports_keyed_describe(wire_string_t *config, exports_keyed_list_input_t *inputs, exports_keyed_plan_t *plan,
                            wire_string_t *error) {
    weir_the_host = &HOST;
    weir_text text = {(const char *)config->ptr, config->len};
    bool connected = weir_connect(&weir_component, weir_exported, WEIR_WORLD_KEYED, text, inputs->ptr, inputs->len, plan, error);
    weir_arena_end(&weir_call_memory);
    return connected;
}

bool exports_keyed_process(uint32_t input, exports_keyed_batch_t *rows, exports_keyed_buffer_t *key_of_row,
                           exports_keyed_states_t *states, exports_keyed_clock_t *now, exports_keyed_keyed_delta_t *answer,
                           wire_string_t *error) {
    bool processed = weir_keyed_process(&weir_component, input, rows, *key_of_row, states, now, answer, error);
    weir_arena_end(&weir_call_memory);
    return processed;
}

bool exports_keyed_on_timer(exports_keyed_timers_t *due, exports_keyed_batch_t *keys, exports_keyed_states_t *states,
                            exports_keyed_clock_t *now, exports_keyed_keyed_delta_t *answer, wire_string_t *error) {
    bool processed = weir_keyed_on_timer(&weir_component, due, keys, states, now, answer, error);
    weir_arena_end(&weir_call_memory);
    return processed;
}

bool exports_keyed_migrate(uint32_t from_version, exports_keyed_schema_t *layout, exports_keyed_states_t *states,
                           exports_keyed_list_node_t *answer, wire_string_t *error) {
    wire_list_node_t migrated = {NULL, 0};
    const char *why = weir_migrate(&weir_component, from_version, *layout, states, &migrated);
    *answer = (exports_keyed_list_node_t){migrated.ptr, migrated.len};
    if (why) *error = weir_wire_string(weir_text_of(why));
    weir_arena_end(&weir_call_memory);
    return !why;
}

#endif
