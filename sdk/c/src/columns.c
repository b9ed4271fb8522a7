// Batches as columns: arrays of values in, arrays of values out.
#include "weir/columns.h"

#include "check.h"
#include "running.h"

struct weir_columns {
    uint32_t rows;
    uint32_t *sources;
    weir_cells *cells; // one per member of the output's struct
    const weir_row *row;
};

static size_t member_at(const weir_row *row, size_t offset) {
    for (size_t i = 0; row && i < row->count; i++)
        if (row->fields[i].offset == offset) return i;
    __builtin_trap(); // A member that the struct's table does not have.
}

// The arrays of a member are read once, and kept as long as the call.
static weir_cells read(const weir_batch *batch, size_t offset) {
    struct weir_running *running = (struct weir_running *)batch->running;
    const weir_column_positions *positions = &running->input->row;
    size_t member = member_at(positions->row, offset);
    if (!running->arrays) running->arrays = weir_arena_zeroed(&weir_call_memory, positions->row->count * sizeof *running->arrays);
    weir_cells *cells = &running->arrays[member];
    if (cells->field) return *cells;
    const weir_field *field = &positions->row->fields[member];
    *cells = (weir_cells){field, weir_arena_array(&weir_call_memory, batch->rows, field->size), field->size,
                          field->nullable ? weir_arena_alloc(&weir_call_memory, batch->rows) : NULL, 1};
    const char *why = weir_read_member(*cells, positions->at[member], &running->input->reads, running->batch, &running->invalid);
    if (why) running->failed = why;
    return *cells;
}

const void *weir_values_at(const weir_batch *batch, size_t offset) { return read(batch, offset).values; }

const bool *weir_has_at(const weir_batch *batch, size_t offset) { return (const bool *)read(batch, offset).has; }

weir_columns *weir_emit_columns(weir_call *call, unsigned output, uint32_t rows, const uint32_t *from) {
    struct weir_running *running = call->running;
    weir_columns *columns = weir_arena_zeroed(&weir_call_memory, sizeof *columns);
    bool is_known = output < running->connected->output_count,
         is_free = is_known && !running->columns[output] && call->emitted[output].count == 0;
    if (!is_free) weir_refuse(call, is_known ? "columns are emitted once per output and call" : "there is no output %u", output);
    if (!from && rows != running->rows)
        weir_refuse(call, "%u rows are emitted, and the call has %u: say which ones they come from", rows, running->rows);
    const weir_row *row = is_known ? running->connected->outputs[output].declared->row : NULL;
    *columns = (weir_columns){rows, weir_arena_array(&weir_call_memory, rows, sizeof(uint32_t)), NULL, row};
    for (uint32_t i = 0; i < rows; i++) {
        columns->sources[i] = from ? from[i] : i;
        if (columns->sources[i] >= running->rows) {
            weir_refuse(call, "row %u is emitted for row %u, and the call has %u", i, columns->sources[i], running->rows);
            columns->sources[i] = 0;
        }
    }
    columns->cells = weir_arena_zeroed(&weir_call_memory, (row ? row->count : 0) * sizeof *columns->cells);
    for (size_t i = 0; row && i < row->count; i++) {
        const weir_field *field = &row->fields[i];
        unsigned char *has = field->nullable ? weir_arena_zeroed(&weir_call_memory, rows) : NULL;
        columns->cells[i] =
            (weir_cells){field, weir_arena_zeroed_array(&weir_call_memory, rows, field->size), field->size, has, 1};
    }
    if (is_free) running->columns[output] = columns;
    return columns;
}

void *weir_new_values_at(weir_columns *columns, size_t offset) { return columns->cells[member_at(columns->row, offset)].values; }

bool *weir_new_has_at(weir_columns *columns, size_t offset) {
    return (bool *)columns->cells[member_at(columns->row, offset)].has;
}

weir_status weir_refuse_row(weir_call *call, uint32_t row, const char *format, ...) {
    va_list values;
    va_start(values, format);
    weir_status status = weir_vrefuse_row(call, row, format, values);
    va_end(values);
    return status;
}

weir_status weir_vrefuse_row(weir_call *call, uint32_t row, const char *format, va_list values) {
    weir_text reason = weir_arena_vformat(&weir_call_memory, format, values);
    if (row >= call->running->rows)
        return weir_refuse(call, "row %u is refused, and the call has %u: %s", row, call->running->rows, reason.data);
    weir_refuse_at(call->running, row, weir_is_utf8(reason) ? reason.data : "refused, with a reason that is not UTF-8");
    return WEIR_OK;
}

bool weir_is_refused(const weir_call *call, uint32_t row) { return weir_row_is_refused(call->running, row); }

// Refuses the rows for which a value was emitted that its column cannot hold.
static void check_and_own(struct weir_running *running, weir_columns *columns) {
    for (size_t k = 0; columns->row && k < columns->row->count; k++) {
        weir_cells cells = columns->cells[k];
        weir_row only = {"", cells.field->size, cells.field, 1};
        if (weir_row_is_plain(&only)) continue;
        for (uint32_t i = 0; i < columns->rows; i++) {
            if (cells.has && !cells.has[i]) continue;
            const char *why = weir_check_and_own_member(cells.field, cells.values + i * cells.stride, &weir_call_memory);
            if (why) weir_refuse_at(running, columns->sources[i], why);
        }
    }
}

// Leaves out what was emitted for refused rows.
static void compact(const struct weir_running *running, weir_columns *columns) {
    uint32_t to = 0;
    for (uint32_t i = 0; i < columns->rows; i++) {
        if (weir_row_is_refused(running, columns->sources[i])) continue;
        for (size_t k = 0; columns->row && k < columns->row->count; k++) {
            weir_cells cells = columns->cells[k];
            memmove(cells.values + to * cells.stride, cells.values + i * cells.stride, cells.stride);
            if (cells.has) cells.has[to] = cells.has[i];
        }
        columns->sources[to++] = columns->sources[i];
    }
    columns->rows = to;
}

void weir_check_columns(struct weir_running *running) {
    for (size_t i = 0; i < WEIR_OUTPUTS_MAX; i++)
        if (running->columns[i]) check_and_own(running, running->columns[i]);
}

const char *weir_finish_columns(struct weir_running *running, size_t output, wire_delta_t *delta) {
    weir_columns *columns = running->columns[output];
    if (running->refused) compact(running, columns);
    delta->rows = weir_selection(columns->sources, columns->rows, running->rows);
    return weir_write_output(&running->connected->outputs[output], columns->cells, columns->rows, delta);
}
