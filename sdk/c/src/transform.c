// Runs a transform by rows or by columns; see transform.h.
#include "transform.h"

static const char *by_rows(weir_call *call, const weir_column_positions *positions, const weir_input *input,
                           const wire_batch_t *batch) {
    struct weir_running *running = call->running;
    size_t size = positions->row ? positions->row->size : 0;
    unsigned char *rows = weir_arena_array(&weir_call_memory, batch->rows, size);
    const char *why = weir_read_positions(positions, &running->input->reads, batch, rows, &running->invalid);
    if (why) return why;
    weir_refuse_invalid_rows(running, &running->invalid);
    // A row that is refused later is the one that is being processed.
    const bool *skip = running->refused;
    weir_status (*process)(weir_call *, const void *) = input->process;
    for (uint32_t row = 0; row < batch->rows; row++, rows += size) {
        if (skip && skip[row]) continue;
        call->row = row;
        weir_settle(call, process(call, rows));
    }
    return NULL;
}

static const char *by_columns(weir_call *call, const weir_column_positions *positions, const weir_input *input,
                              const wire_batch_t *batch) {
    struct weir_running *running = call->running;
    weir_batch view = {batch->rows, running};
    // Rows that hold a null where none may be are refused whether or not the author looks at that column.
    for (size_t k = 0; positions->row && k < positions->row->count; k++) weir_values_at(&view, positions->row->fields[k].offset);
    if (running->failed) return running->failed;
    weir_refuse_invalid_rows(running, &running->invalid);
    if (input->process_columns(call, &view) != WEIR_OK || running->reason)
        return running->reason ? running->reason : "refused without a reason";
    weir_check_columns(running);
    return NULL;
}

bool weir_transform_process(const weir_connected *connected, uint32_t input, const wire_batch_t *batch,
                            exports_transform_transform_delta_t *answer, wire_string_t *error) {
    struct weir_running running = {0};
    weir_call call = {0};
    const char *why = NULL;
    if (!connected->op)
        why = "describe must be called before anything else";
    else if (input >= connected->input_count)
        why = "there is no such input";
    if (!why) {
        weir_begin(&running, &call, connected, batch->rows);
        running.batch = batch;
        running.input = &connected->inputs[input];
        call.input = running.input->name;
        const weir_input *declared = running.input->declared;
        why = (declared->process ? by_rows : by_columns)(&call, &running.input->row, declared, batch);
    }
    wire_delta_t *deltas = NULL;
    if (!why) why = weir_finish_outputs(&call, &deltas);
    if (why) {
        *error = weir_wire_string(weir_text_of(why));
        return false;
    }
    answer->outputs = (exports_transform_list_delta_t){deltas, connected->output_count};
    answer->rejected = (exports_transform_list_row_failure_t){running.failures, running.failure_count};
    return true;
}
