// The exports of a transform; only in a component.
#ifdef __wasm__

#include "memory.h"

#include "../../bindings/transform.c"

#undef free
#undef realloc
#include "../transform.h"

WEIR_GUEST(weir_exports_transform)

static const weir_host HOST = {wire_log_log, wire_metrics_count, wire_metrics_gauge, wire_metrics_observe, NULL, NULL};

void exports_transform_about(exports_transform_operator_info_t *to) {
    weir_about(weir_exported, to);
    weir_arena_end(&weir_call_memory);
}

bool exports_transform_describe(wire_string_t *config, exports_transform_list_input_t *inputs, exports_transform_plan_t *plan,
                                wire_string_t *error) {
    weir_the_host = &HOST;
    weir_text text = {(const char *)config->ptr, config->len};
    bool connected =
        weir_connect(&weir_component, weir_exported, WEIR_WORLD_TRANSFORM, text, inputs->ptr, inputs->len, plan, error);
    weir_arena_end(&weir_call_memory);
    return connected;
}

bool exports_transform_process(uint32_t input, exports_transform_batch_t *rows, exports_transform_transform_delta_t *answer,
                               wire_string_t *error) {
    bool processed = weir_transform_process(&weir_component, input, rows, answer, error);
    weir_arena_end(&weir_call_memory);
    return processed;
}

#endif
