// Running an aggregate in a test.
#include "../aggregate.h"

#include "test.h"

#define CALL (&weir_call_memory)

// Aggregates a part of the rows on its own.
static wire_states_t part(weir_test *test, const void *rows, size_t count, size_t first) {
    wire_batch_t batch = weir_test_batch(test, 0, rows, count);
    wire_buffer_t groups = {weir_arena_zeroed(CALL, count * sizeof(uint32_t)), count * sizeof(uint32_t)};
    uint8_t *none = weir_arena_zeroed(CALL, 1);
    wire_states_t states = {1, {none, 1}, {NULL, 0}};
    void *slot = NULL;
    weir_write_states(test->connected.op->state, &slot, 1, &states.columns);
    exports_aggregate_accumulated_t answer;
    wire_string_t error;
    if (!weir_aggregate_accumulate(&test->connected, &batch, groups, &states, &answer, &error)) {
        weir_test_fail(test, error);
        return states;
    }
    weir_refusal *refused = weir_arena_alloc(CALL, (test->refused_count + answer.rejected.len) * sizeof *refused);
    if (test->refused_count > 0) memcpy(refused, test->refused, test->refused_count * sizeof *refused);
    for (size_t i = 0; i < answer.rejected.len; i++) {
        const wire_row_failure_t *failure = &answer.rejected.ptr[i];
        refused[test->refused_count++] =
            (weir_refusal){failure->row + (uint32_t)first, weir_arena_text(CALL, failure->reason.ptr, failure->reason.len).data};
    }
    test->refused = refused;
    return (wire_states_t){1, {NULL, 0}, {answer.accumulators.ptr, answer.accumulators.len}};
}

const void *weir_test_aggregate(weir_test *test, const void *rows, size_t count, size_t cut) {
    weir_test_begin(test);
    const weir_row *row = test->connected.outputs[0].declared->row;
    unsigned char *result = weir_arena_zeroed(CALL, row->size);
    wire_states_t left = part(test, rows, cut, 0),
                  right = part(test, (const char *)rows + cut * test->inputs[0].row->size, count - cut, cut);
    wire_states_t merged = {1, {NULL, 0}, {NULL, 0}};
    wire_list_node_t columns;
    wire_string_t error;
    weir_invalid_rows invalid = {CALL, 1, NULL};
    if (test->error) return result;
    if (!weir_aggregate_merge(&test->connected, &left, &right, &merged.columns, &error) ||
        !weir_aggregate_finish(&test->connected, &merged, &columns, &error))
        weir_test_fail(test, error);
    else
        weir_read_rows(row, result, 1, weir_row_schema(row, CALL), columns, &invalid);
    return result;
}
