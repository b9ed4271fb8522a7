// A batch as columns, for `process_columns`: arrays with one value per row.
#ifndef WEIR_COLUMNS_H
#define WEIR_COLUMNS_H

#include "call.h"

// The values of a member of the input's struct, in order: `const int64_t *price = weir_values(batch, bid, price);`. What stands where
// a value is null is not defined.
#define weir_values(batch, type, member) weir_values_at((batch), offsetof(type, member))
// Which values are not null, one bool per row; NULL for a member that is never null.
#define weir_has(batch, type, member) weir_has_at((batch), offsetof(type, member))

struct weir_batch {
    uint32_t rows;
    const struct weir_running *running; // the SDK's own
};

// Rows that are emitted as columns.
typedef struct weir_columns weir_columns;

// Emits `rows` rows at once, once per output and call. `from`: the input row that each comes from; NULL: every row, in order. Then fill
// the arrays of all computed columns.
weir_columns *weir_emit_columns(weir_call *call, unsigned output, uint32_t rows, const uint32_t *from);
// The array of a member of the output's struct: `double *hours = weir_new_values(columns, late_flight, hours);`. All zeros at first.
#define weir_new_values(columns, type, member) weir_new_values_at((columns), offsetof(type, member))
// Which values are not null, one bool per row; all false at first.
#define weir_new_has(columns, type, member) weir_new_has_at((columns), offsetof(type, member))

// Refuses an input row, with all that is or will be emitted for it. (weir_refuse fails the call: the host then finds the rows that make
// it fail, by calls with parts of the batch.)
weir_status weir_refuse_row(weir_call *call, uint32_t row, const char *format, ...) WEIR_PRINTF(3, 4);
weir_status weir_vrefuse_row(weir_call *call, uint32_t row, const char *format, va_list values);
// Whether a row is refused so far, for instance since it holds a null where none may be.
bool weir_is_refused(const weir_call *call, uint32_t row);

const void *weir_values_at(const weir_batch *batch, size_t offset);
const bool *weir_has_at(const weir_batch *batch, size_t offset);
void *weir_new_values_at(weir_columns *columns, size_t offset);
bool *weir_new_has_at(weir_columns *columns, size_t offset);

#endif
