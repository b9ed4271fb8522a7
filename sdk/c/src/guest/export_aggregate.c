// The exports of an aggregate; only in a component.
#ifdef __wasm__

#include "memory.h"

#include "../../bindings/aggregate.c"

#undef free
#undef realloc
#include "../aggregate.h"

WEIR_GUEST(weir_exports_aggregate)

static const weir_host HOST = {wire_log_log, wire_metrics_count, wire_metrics_gauge, wire_metrics_observe, NULL, NULL};

void exports_aggregate_about(exports_aggregate_operator_info_t *to) {
    weir_about(weir_exported, to);
    weir_arena_end(&weir_call_memory);
}

bool exports_aggregate_describe(wire_string_t *config, exports_aggregate_list_input_t *inputs, exports_aggregate_plan_t *plan,
                                wire_string_t *error) {
    weir_the_host = &HOST;
    weir_text text = {(const char *)config->ptr, config->len};
    bool connected =
        weir_connect(&weir_component, weir_exported, WEIR_WORLD_AGGREGATE, text, inputs->ptr, inputs->len, plan, error);
    weir_arena_end(&weir_call_memory);
    return connected;
}

bool exports_aggregate_accumulate(exports_aggregate_batch_t *rows, exports_aggregate_buffer_t *group_of_row,
                                  exports_aggregate_states_t *accumulators, exports_aggregate_accumulated_t *answer,
                                  wire_string_t *error) {
    bool accumulated = weir_aggregate_accumulate(&weir_component, rows, *group_of_row, accumulators, answer, error);
    weir_arena_end(&weir_call_memory);
    return accumulated;
}

bool exports_aggregate_merge(exports_aggregate_states_t *left, exports_aggregate_states_t *right,
                             exports_aggregate_list_node_t *answer, wire_string_t *error) {
    wire_list_node_t merged = {NULL, 0};
    bool is_merged = weir_aggregate_merge(&weir_component, left, right, &merged, error);
    *answer = (exports_aggregate_list_node_t){merged.ptr, merged.len};
    weir_arena_end(&weir_call_memory);
    return is_merged;
}

bool exports_aggregate_finish(exports_aggregate_states_t *accumulators, exports_aggregate_list_node_t *answer,
                              wire_string_t *error) {
    wire_list_node_t results = {NULL, 0};
    bool is_finished = weir_aggregate_finish(&weir_component, accumulators, &results, error);
    *answer = (exports_aggregate_list_node_t){results.ptr, results.len};
    weir_arena_end(&weir_call_memory);
    return is_finished;
}

#endif
