// Runs operators natively, over rows, through the code that runs in the component: rows become columns, the operator gets those that
// it reads, and its answer is applied as the host applies it. One test runs at a time.
#ifndef WEIR_TESTING_H
#define WEIR_TESTING_H

#include "weir.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WEIR_KEYS_MAX = 8 };

// The rows that come in by an input: their struct, and the columns that they are keyed by.
typedef struct weir_given {
    const weir_row *row;
    const char *key_by[WEIR_KEYS_MAX];
    const char *name; // of the input; an operator with one input needs none
} weir_given;

typedef struct weir_test weir_test;

// Connects an operator; `config` is JSON. What `describe` refuses weir_test_error says.
weir_test *weir_test_open(const weir_operator *op, const char *config, weir_given given);
weir_test *weir_test_open_inputs(const weir_operator *op, const char *config, const weir_given *inputs, size_t count);
void weir_test_close(weir_test *test);
// Why the operator was not connected, or why the last call failed as a whole; NULL: neither.
const char *weir_test_error(const weir_test *test);

// Processes a batch: an array of the struct that was given. The results of the calls before are gone with it.
void weir_test_process(weir_test *test, const void *rows, size_t count);
void weir_test_process_input(weir_test *test, const char *input, const void *rows, size_t count);
// Moves the watermark or the wall clock on, and runs the timers that are due by then.
void weir_test_advance(weir_test *test, weir_clock clock, int64_t time);

// Forgets the results, and what weir_alloc gave. A call does that first, unless this has just been done: so rows for it can be made with
// weir_alloc in between.
void weir_test_forget(weir_test *test);

// The rows of an output since the last call, as an array of a struct whose members are found by name.
const void *weir_test_output(const weir_test *test, const char *output, const weir_row *row, size_t *count);

// A row (or timer) that was refused: its index in the call, and why.
typedef struct weir_refusal {
    uint32_t row;
    const char *reason;
} weir_refusal;
const weir_refusal *weir_test_refused(const weir_test *test, size_t *count);

// Of a keyed operator. `given` is any row with the key: the state (NULL: none), the entries of a map in their order.
const void *weir_test_state(const weir_test *test, const void *given);
size_t weir_test_state_count(const weir_test *test);
weir_entries weir_test_entries(weir_test *test, unsigned map, const void *given);
// The timers that wait, the earliest first.
const weir_timer *weir_test_timers(const weir_test *test, size_t *count);
// Brings in states of another version: `states` is an array of its struct, one for each row of `given`.
void weir_test_migrate(weir_test *test, uint32_t from_version, const weir_row *row, const void *states, const void *given,
                       size_t count);

// Of an aggregate: the result of one group. The rows before `cut` and those from it on are aggregated on their own, then merged.
const void *weir_test_aggregate(weir_test *test, const void *rows, size_t count, size_t cut);

// A line of the log, or a figure, since the last weir_test_open.
typedef struct weir_telemetry_line {
    const char *kind; // "info", ..., "count", "gauge", "observe"
    const char *text; // the line, or the name
    double value;
} weir_telemetry_line;
const weir_telemetry_line *weir_test_telemetry(size_t *count);

// Reports a condition that does not hold; the test continues.
#define WEIR_EXPECT(condition) weir_test_expect((condition), #condition, __FILE__, __LINE__)
void weir_test_expect(bool holds, const char *condition, const char *file, int line);
// The exit code of a test program: 0 if every WEIR_EXPECT held.
int weir_test_end(void);

#ifdef __cplusplus
}
#endif

#endif
