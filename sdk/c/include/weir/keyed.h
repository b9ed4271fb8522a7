// What a keyed operator sees of the key of a row or timer: state, maps, timers and clocks. Times are microseconds since 1970.
#ifndef WEIR_KEYED_H
#define WEIR_KEYED_H

#include "call.h"

// The key columns that the operator declares.
const void *weir_key(const weir_call *call);

// The state of the key; NULL: it has none. It stays as it is until it is set.
const void *weir_state(const weir_call *call);
// Sets the state to a copy of what a pointer to its struct points to.
#define weir_set_state(call, ...) weir_set_state_sized((call), (__VA_ARGS__), sizeof *(__VA_ARGS__))
void weir_set_state_sized(weir_call *call, const void *value, size_t size);
// Removes the state.
void weir_clear_state(weir_call *call);

// Calls on_timer once the clock has reached a time: the watermark, or the wall clock (at once, if it is past; not at the end of the
// input). A timer is its time: setting it twice is setting it once.
void weir_set_timer(weir_call *call, weir_clock clock, int64_t time);
void weir_delete_timer(weir_call *call, weir_clock clock, int64_t time);

// Whether there is a watermark yet, and where it is.
bool weir_watermark(const weir_call *call, int64_t *time);
// The wall clock, as the engine sees it.
int64_t weir_processing_time(const weir_call *call);

// Maps, by their index in the operator's `maps`. A row sees the changes of the rows before it. Keys and values are pointers to the
// structs of the map, and are copied (memory of weir_alloc that they point to is not: leave it as it is). An entry that the host cannot read refuses the row.

// The value of an entry; NULL: it is not there. For a set: not NULL if it is there.
const void *weir_map_get(weir_call *call, unsigned map, const void *key);
void weir_map_put(weir_call *call, unsigned map, const void *key, const void *value);
void weir_map_remove(weir_call *call, unsigned map, const void *key);
// Names an entry that `process` will read, so that the host is asked once for a whole batch.
void weir_map_prefetch(weir_call *call, unsigned map, const void *key);

// Entries between two keys, each with or without it; NULL: from the first, or to the last.
typedef struct weir_range {
    const void *from, *after;
    const void *to, *before;
} weir_range;

// Entries in the order of their keys: an array of keys and one of values.
typedef struct weir_entries {
    const void *keys, *values;
    size_t count;
} weir_entries;

// The first entries of a range, at most `limit`.
weir_entries weir_map_scan(weir_call *call, unsigned map, weir_range range, size_t limit);

#endif
