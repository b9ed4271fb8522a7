// A call that is running: what its rows have done so far, and how it is undone when one is refused.
#ifndef WEIR_RUNNING_H
#define WEIR_RUNNING_H

#include "connect.h"
#include "weir/columns.h"
#include "weir/keyed.h"

struct weir_running {
    const weir_connected *connected;
    uint32_t rows;
    const char *reason; // why the row that is being processed is refused; NULL: it is not
    bool *refused;      // which rows are refused, one bool per row; NULL while none is
    wire_row_failure_t *failures;
    size_t failure_count, failure_room;
    const char *failed;                      // why the call fails as a whole
    bool is_aggregate;                       // which does not emit
    weir_columns *columns[WEIR_OUTPUTS_MAX]; // of outputs that are emitted as columns
    struct weir_keyed *keyed;                // NULL: not of a keyed operator
    const wire_batch_t *batch;
    const weir_connected_input *input;
    weir_invalid_rows invalid;
    weir_cells *arrays; // of the members that were read as columns; `field` is NULL where one was not
};

// Begins a call: empty outputs with room for its rows.
void weir_begin(struct weir_running *running, weir_call *call, const weir_connected *connected, uint32_t rows);
// Refuses a row; the first reason counts.
void weir_refuse_at(struct weir_running *running, uint32_t row, const char *reason);
// Refuses the rows that their struct cannot hold.
void weir_refuse_invalid_rows(struct weir_running *running, const weir_invalid_rows *invalid);
// Refuses the row that was just processed, and undoes what it emitted.
void weir_undo_row(weir_call *call);
// The deltas of all outputs.
const char *weir_finish_outputs(weir_call *call, wire_delta_t **deltas);
// Refuses the rows for which columns hold values that they cannot; before outputs are finished.
void weir_check_columns(struct weir_running *running);
const char *weir_finish_columns(struct weir_running *running, size_t output, wire_delta_t *delta);
// Writes what an output computes: its columns, event times and kinds of rows. `cells` has one entry per member of its struct.
const char *weir_write_output(const weir_connected_output *output, const weir_cells *cells, size_t rows, wire_delta_t *delta);
// Which input rows some output rows come from, as briefly as a delta can say it.
wire_selection_t weir_selection(const uint32_t *sources, size_t count, uint32_t rows);

// Whether the row is refused that was just processed, `status` being what its function returned. If it is, what it emitted is undone.
static inline bool weir_settle(weir_call *call, weir_status status) {
    if (status == WEIR_OK && !call->running->reason) return false;
    weir_undo_row(call);
    return true;
}

static inline bool weir_row_is_refused(const struct weir_running *running, uint32_t row) {
    return running->refused && running->refused[row];
}

#endif
