// The answer of a call: what each output gets.
#include "running.h"

static const char *finish(weir_call *call, size_t output, wire_delta_t *delta) {
    struct weir_running *running = call->running;
    if (running->columns[output]) return weir_finish_columns(running, output, delta);
    const struct weir_emitted *rows = &call->emitted[output];
    const weir_row *row = running->connected->outputs[output].declared->row;
    delta->rows = weir_selection(rows->sources, rows->count, running->rows);
    weir_cells *cells = weir_arena_alloc(&weir_call_memory, (row ? row->count : 0) * sizeof *cells);
    for (size_t i = 0; row && i < row->count; i++) cells[i] = weir_cells_of(&row->fields[i], row->size, rows->rows);
    return weir_write_output(&running->connected->outputs[output], cells, rows->count, delta);
}

const char *weir_finish_outputs(weir_call *call, wire_delta_t **deltas) {
    size_t count = call->running->connected->output_count;
    *deltas = weir_arena_zeroed(&weir_call_memory, count * sizeof **deltas);
    for (size_t i = 0; i < count; i++) {
        const char *why = finish(call, i, &(*deltas)[i]);
        if (why) return weir_arena_string(&weir_call_memory, "output \"%s\": %s", call->running->connected->outputs[i].name, why);
    }
    return NULL;
}
