// Accumulating rows, merging accumulators and finishing them; see aggregate.h.
#include "aggregate.h"

#include "check.h"
#include "state.h"

#define CALL (&weir_call_memory)

static bool answered(const char *why, wire_string_t *error) {
    if (why) *error = weir_wire_string(weir_text_of(why));
    return !why;
}

static const char *begin(weir_call *call, const weir_connected *connected, uint32_t rows) {
    if (!connected->op) return "describe must be called before anything else";
    weir_begin(call->running, call, connected, rows);
    // There is nothing to emit to: the result is what `finish` fills.
    call->emitted = weir_arena_zeroed(CALL, WEIR_OUTPUTS_MAX * sizeof *call->emitted);
    call->running->is_aggregate = true;
    return NULL;
}

// The accumulators of groups, new ones (all zeros) for those that have none.
static const char *read(const weir_connected *connected, const wire_states_t *accumulators, void ***groups) {
    const char *why = weir_read_states(connected->op->state, connected->state, accumulators, groups);
    for (uint32_t i = 0; !why && i < accumulators->keys; i++)
        if (!(*groups)[i]) (*groups)[i] = weir_arena_zeroed(CALL, connected->op->state->size);
    return why;
}

static void accumulate_rows(weir_call *call, const wire_batch_t *batch, const unsigned char *rows, const uint32_t *group_of_row,
                            void **groups) {
    const weir_operator *op = call->running->connected->op;
    const weir_row *row_type = call->running->connected->inputs[0].row.row, *state = op->state;
    bool is_plain = weir_row_is_plain(state);
    void *before = weir_arena_alloc(CALL, state->size);
    for (uint32_t row = 0; row < batch->rows; row++) {
        if (weir_row_is_refused(call->running, row)) continue;
        void *group = groups[group_of_row[row]];
        memcpy(before, group, state->size);
        call->row = row;
        weir_status status = op->accumulate(call, group, rows + row * (row_type ? row_type->size : 0));
        if (status == WEIR_OK && !call->running->reason && !is_plain)
            call->running->reason = weir_check_and_own(state, group, CALL);
        if (weir_settle(call, status)) memcpy(group, before, state->size);
    }
}

bool weir_aggregate_accumulate(const weir_connected *connected, const wire_batch_t *batch, wire_buffer_t group_of_row,
                               const wire_states_t *accumulators, exports_aggregate_accumulated_t *answer, wire_string_t *error) {
    struct weir_running running = {0};
    weir_call call = {.running = &running};
    void **groups = NULL;
    wire_list_node_t columns = {NULL, 0};
    const char *why = begin(&call, connected, batch->rows);
    const uint32_t *group_at = (const uint32_t *)group_of_row.ptr;
    if (!why && group_of_row.len < batch->rows * sizeof *group_at) why = "the host passed too few groups";
    for (uint32_t row = 0; !why && row < batch->rows; row++)
        if (group_at[row] >= accumulators->keys)
            why = weir_arena_string(CALL, "row %u has group %u, but the call has %u groups", row, group_at[row],
                                    accumulators->keys);
    if (!why) why = read(connected, accumulators, &groups);
    if (!why) {
        const weir_connected_input *input = &connected->inputs[0];
        unsigned char *rows = weir_arena_array(CALL, batch->rows, input->row.row ? input->row.row->size : 0);
        why = weir_read_positions(&input->row, &input->reads, batch, rows, &running.invalid);
        weir_refuse_invalid_rows(&running, &running.invalid);
        if (!why) accumulate_rows(&call, batch, rows, group_at, groups);
    }
    if (!why) why = weir_write_states(connected->op->state, groups, accumulators->keys, &columns);
    answer->accumulators = (exports_aggregate_list_node_t){columns.ptr, columns.len};
    answer->rejected = (exports_aggregate_list_row_failure_t){running.failures, running.failure_count};
    return answered(why, error);
}

// What a function did to a struct: refused as a whole, or values that its columns cannot hold.
static const char *failure(weir_call *call, const weir_row *row, void *value) {
    const char *why = weir_check_and_own(row, value, CALL);
    return call->running->reason ? call->running->reason : why;
}

bool weir_aggregate_merge(const weir_connected *connected, const wire_states_t *left, const wire_states_t *right,
                          wire_list_node_t *answer, wire_string_t *error) {
    struct weir_running running = {0};
    weir_call call = {.running = &running};
    void **groups = NULL, **others = NULL;
    const char *why = begin(&call, connected, left->keys);
    if (!why && left->keys != right->keys) why = "the host passed different numbers of accumulators";
    if (!why) why = read(connected, left, &groups);
    if (!why) why = read(connected, right, &others);
    for (uint32_t i = 0; !why && i < left->keys; i++) {
        connected->op->merge(&call, groups[i], others[i]);
        why = failure(&call, connected->op->state, groups[i]);
    }
    if (!why) why = weir_write_states(connected->op->state, groups, left->keys, answer);
    return answered(why, error);
}

bool weir_aggregate_finish(const weir_connected *connected, const wire_states_t *accumulators, wire_list_node_t *answer,
                           wire_string_t *error) {
    struct weir_running running = {0};
    weir_call call = {.running = &running};
    void **groups = NULL;
    const char *why = begin(&call, connected, accumulators->keys);
    if (!why) why = read(connected, accumulators, &groups);
    const weir_row *row = why ? NULL : connected->outputs[0].declared->row;
    unsigned char *results = weir_arena_zeroed_array(CALL, accumulators->keys, row ? row->size : 0);
    for (uint32_t i = 0; !why && i < accumulators->keys; i++) {
        connected->op->finish(&call, groups[i], results + i * row->size);
        why = failure(&call, row, results + i * row->size);
    }
    if (!why) why = weir_write_rows(row, results, NULL, accumulators->keys, CALL, answer);
    return answered(why, error);
}
