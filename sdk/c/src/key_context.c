// What a keyed operator's functions call: state, timers, clocks and maps of the row's key.
#include "check.h"
#include "keyed.h"

#define CALL (&weir_call_memory)

// The call, if it is of a keyed operator; else what is asked for does not exist.
static struct weir_keyed *keyed_of(const weir_call *call) {
    if (!call->running->keyed) __builtin_trap();
    return call->running->keyed;
}

static uint32_t key_of(const weir_call *call) { return keyed_of(call)->key_of_row[call->row]; }

// A copy that is the call's own. NULL: it has been refused.
static void *own(weir_call *call, const weir_row *row, const void *value) {
    if (!value) {
        weir_refuse(call, "NULL is given in place of a struct %s", row->name);
        return NULL;
    }
    void *copy = weir_arena_alloc(CALL, row->size);
    memcpy(copy, value, row->size);
    const char *why = weir_row_is_plain(row) ? NULL : weir_check_and_own(row, copy, CALL);
    if (why) weir_refuse(call, "%s", why);
    return why ? NULL : copy;
}

const void *weir_key(const weir_call *call) {
    const weir_row *row = call->running->connected->op->key;
    return keyed_of(call)->keys + call->row * (row ? row->size : 0);
}

const void *weir_state(const weir_call *call) { return keyed_of(call)->slots[key_of(call)]; }

void weir_set_state_sized(weir_call *call, const void *value, size_t size) {
    const weir_row *row = call->running->connected->op->state;
    struct weir_keyed *keyed = keyed_of(call);
    if (!row || size != row->size) {
        weir_refuse(call, "the state is no struct %s", row ? row->name : "at all");
        return;
    }
    void **slot = &keyed->slots[key_of(call)];
    if (*slot && value && weir_row_is_plain(row) && memcmp(*slot, value, size) == 0) return;
    void *copy = own(call, row, value);
    if (!copy) return;
    *slot = copy;
    keyed->changed[key_of(call)] = true;
}

void weir_clear_state(weir_call *call) {
    struct weir_keyed *keyed = keyed_of(call);
    void **slot = &keyed->slots[key_of(call)];
    keyed->changed[key_of(call)] |= *slot != NULL;
    *slot = NULL;
}

void weir_set_timer(weir_call *call, weir_clock clock, int64_t time) {
    weir_change_timer(&keyed_of(call)->timers, (weir_timer_change){clock, key_of(call), time, true, 0});
}

void weir_delete_timer(weir_call *call, weir_clock clock, int64_t time) {
    weir_change_timer(&keyed_of(call)->timers, (weir_timer_change){clock, key_of(call), time, false, 0});
}

bool weir_watermark(const weir_call *call, int64_t *time) {
    *time = keyed_of(call)->watermark;
    return keyed_of(call)->has_watermark;
}

int64_t weir_processing_time(const weir_call *call) { return keyed_of(call)->processing_time; }

static weir_call_map *map_of(weir_call *call, unsigned map) {
    if (map < call->running->connected->map_count) return &keyed_of(call)->maps[map];
    weir_refuse(call, "there is no map %u", map);
    return NULL;
}

// The entry of a key, which is read if nothing is known of it. NULL: it has been refused.
static weir_entry *entry_of(weir_call *call, weir_call_map *map, const void *key, bool is_read) {
    void *copy = map ? own(call, map->declared->key, key) : NULL;
    weir_entry *entry = copy ? weir_map_find(map, key_of(call), copy) : NULL;
    const char *why = entry && is_read && !entry->is_known ? weir_map_read(map, &entry, 1) : NULL;
    if (why) weir_refuse(call, "%s", why);
    return why ? NULL : entry;
}

const void *weir_map_get(weir_call *call, unsigned map, const void *key) {
    weir_entry *entry = entry_of(call, map_of(call, map), key, true);
    return entry ? entry->value : NULL;
}

void weir_map_put(weir_call *call, unsigned map, const void *key, const void *value) {
    weir_call_map *of = map_of(call, map);
    weir_entry *entry = entry_of(call, of, key, false);
    if (!entry) return;
    const weir_row *row = of->declared->value;
    void *copy = row ? own(call, row, value) : weir_arena_zeroed(CALL, 1);
    if (copy) weir_map_set(of, entry, copy);
}

void weir_map_remove(weir_call *call, unsigned map, const void *key) {
    weir_call_map *of = map_of(call, map);
    weir_entry *entry = entry_of(call, of, key, false);
    if (entry) weir_map_set(of, entry, NULL);
}

void weir_map_prefetch(weir_call *call, unsigned map, const void *key) { entry_of(call, map_of(call, map), key, false); }

weir_entries weir_map_scan(weir_call *call, unsigned map, weir_range range, size_t limit) {
    weir_entries found = {NULL, NULL, 0};
    weir_call_map *of = map_of(call, map);
    const char *why = of ? weir_map_scan_range(of, key_of(call), range, limit, &found) : NULL;
    if (why) weir_refuse(call, "%s", why);
    return why ? (weir_entries){NULL, NULL, 0} : found;
}
