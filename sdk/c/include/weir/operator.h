// An operator: one constant that says what it reads, emits and keeps, and which functions do it.
#ifndef WEIR_OPERATOR_H
#define WEIR_OPERATOR_H

#include "row.h"

enum { WEIR_INPUTS_MAX = 8, WEIR_OUTPUTS_MAX = 8, WEIR_MAPS_MAX = 8, WEIR_KEPT_MAX = 32 };

// What a function returns: WEIR_OK, or what weir_refuse returned.
typedef enum weir_status { WEIR_OK, WEIR_REFUSED } weir_status;

// A call of the host; see call.h.
typedef struct weir_call weir_call;
// The columns of a call; see columns.h.
typedef struct weir_batch weir_batch;

typedef enum weir_clock { WEIR_WATERMARK, WEIR_WALL_CLOCK } weir_clock;

// A timer that is due: when, in microseconds, and on which clock.
typedef struct weir_timer {
    int64_t time;
    weir_clock clock;
} weir_timer;

// An input: the columns that are read, and the function for its rows.
typedef struct weir_input {
    const char *name; // by which the pipeline knows it; an operator with one input needs none
    const weir_row *row;
    weir_status (*process)(weir_call *call, const void *row);
    // Instead of `process`, of a transform: a whole batch, for speed.
    weir_status (*process_columns)(weir_call *call, const weir_batch *batch);
    // Names entries of maps that `process` will read, with weir_map_prefetch.
    void (*prefetch)(weir_call *call, const void *row);
} weir_input;

// A column of an input that the host carries over, perhaps under another name.
typedef struct weir_kept {
    const char *column; // "NAME", or "INPUT.NAME" if there are several inputs
    const char *as;
} weir_kept;

// An output. The first one is the main output; the others are side outputs and have names.
typedef struct weir_output {
    const char *name;
    const weir_row *row;             // the columns that are computed; none: NULL
    bool keep_all;                   // all columns of the input; a computed one of the same name takes its place
    const char *drop[WEIR_KEPT_MAX]; // but not these
    weir_kept keep[WEIR_KEPT_MAX];   // or only these, in this order
} weir_output;

// Entries per key, read one by one. A map whose columns change needs another name.
typedef struct weir_map {
    const char *name;
    const weir_row *key;
    const weir_row *value; // NULL: a set
} weir_map;

// How a state of another version becomes one of this version. `state` is all zeros at first.
typedef struct weir_migration {
    uint32_t from_version;
    const weir_row *row; // the state as that version had it
    weir_status (*convert)(weir_call *call, const void *old, void *state);
} weir_migration;

typedef struct weir_operator {
    const char *title;                                         // a short name for people
    const weir_row *config;                                    // the configuration: member `late_after` is the key `late-after`
    weir_status (*check)(weir_call *call, const void *config); // refuses one that does not fit
    weir_input inputs[WEIR_INPUTS_MAX];
    weir_output outputs[WEIR_OUTPUTS_MAX];

    // Of a keyed operator.
    const weir_row *key;   // the key columns that it looks at
    const weir_row *state; // what is kept per key; of an aggregate: its accumulator
    uint32_t version;      // raised when members of the state change their meaning; 0 is 1
    weir_map maps[WEIR_MAPS_MAX];
    weir_status (*on_timer)(weir_call *call, weir_timer timer);
    weir_migration migrations[WEIR_MAPS_MAX]; // of a state of another version; without one, columns are matched by name, and all must be there

    // Of an aggregate. A new accumulator is all zeros. `merge` is associative and commutative, and gives what accumulating all the
    // rows at once would give.
    weir_status (*accumulate)(weir_call *call, void *accumulator, const void *row);
    void (*merge)(weir_call *call, void *accumulator, const void *other);
    void (*finish)(weir_call *call, const void *accumulator, void *result);
} weir_operator;

// Puts an operator behind the exports of its world: once in a project. Natively it only makes the operator known to tests, as
// `weir_exported`.
#define WEIR_TRANSFORM(operator) WEIR_EXPORT(operator, weir_exports_transform)
#define WEIR_KEYED(operator) WEIR_EXPORT(operator, weir_exports_keyed)
#define WEIR_AGGREGATE(operator) WEIR_EXPORT(operator, weir_exports_aggregate)

#ifdef __wasm__
// The library has the exports of all worlds; the linker takes those that are referred to.
#define WEIR_EXPORT(operator, exports)       \
    extern const char exports;               \
    extern const char *const weir_world;     \
    const char *const weir_world = &exports; \
    const weir_operator *const weir_exported = &operator
#else
#define WEIR_EXPORT(operator, exports) const weir_operator *const weir_exported = &operator
#endif

// What WEIR_TRANSFORM, WEIR_KEYED or WEIR_AGGREGATE has named.
extern const weir_operator *const weir_exported;

#endif
