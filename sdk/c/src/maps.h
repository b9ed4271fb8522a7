// Maps during a call. What the host has is read once and kept for the call; what rows change is seen by the rows that follow, goes to
// the host with the answer, and can be undone.
#ifndef WEIR_MAPS_H
#define WEIR_MAPS_H

#include "connect.h"
#include "weir/keyed.h"

typedef struct weir_entry {
    struct weir_entry *next_in_bucket, *next_of_key;
    uint64_t hash;
    uint32_t key; // of the call
    void *entry_key;
    void *value;     // NULL: it is not there
    bool is_known;   // whether `value` is what it is
    bool is_changed; // whether the host does not have it so
} weir_entry;

// What an entry was before the row that is being processed changed it.
typedef struct weir_undo {
    weir_entry *entry, before;
} weir_undo;

typedef struct weir_call_map {
    uint32_t index;
    const weir_map *declared;
    wire_schema_t key_schema, value_schema;
    uint32_t key_count;
    weir_entry **entries; // in the order in which they were asked for
    size_t count, room;
    weir_entry **buckets;
    size_t bucket_count;
    weir_entry **of_key;
    weir_undo *undo;
    size_t undo_count, undo_room;
} weir_call_map;

void weir_map_begin(weir_call_map *map, uint32_t index, const weir_connected *connected, uint32_t key_count);
// The entry, with what is known of it. `entry_key` must be the call's own; see check.h.
weir_entry *weir_map_find(weir_call_map *map, uint32_t key, const void *entry_key);
// Reads the entries of which nothing is known. NULL, or why the host does not.
const char *weir_map_read(weir_call_map *map, weir_entry *const *entries, size_t count);
// Reads all entries of which nothing is known; those that the host cannot read stay unknown.
void weir_map_read_unknown(weir_call_map *map);
void weir_map_set(weir_call_map *map, weir_entry *entry, void *value);
void weir_map_undo(weir_call_map *map);
// What changed: false if nothing did.
bool weir_map_finish(weir_call_map *map, exports_keyed_map_changes_t *changes, const char **why);
const char *weir_map_scan_range(weir_call_map *map, uint32_t key, weir_range range, size_t limit, weir_entries *found);

#endif
