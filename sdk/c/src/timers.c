// Collects changes of timers; see timers.h.
#include "timers.h"

#include <stdlib.h>

#include "arena.h"

#define CALL (&weir_call_memory)

void weir_change_timer(weir_timers *timers, weir_timer_change change) {
    if (timers->count == timers->room) {
        size_t size = sizeof change, room = timers->room ? 2 * timers->room : 64;
        timers->changes = weir_arena_grow(CALL, timers->changes, timers->count * size, room * size);
        timers->room = room;
    }
    change.order = timers->count;
    timers->changes[timers->count++] = change;
}

static int by_timer(const void *a, const void *b) {
    const weir_timer_change *left = a, *right = b;
    if (left->clock != right->clock) return left->clock < right->clock ? -1 : 1;
    if (left->key != right->key) return left->key < right->key ? -1 : 1;
    if (left->time != right->time) return left->time < right->time ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

static exports_keyed_list_timers_t lists(const weir_timers *timers, bool set) {
    exports_keyed_list_timers_t lists = {weir_arena_zeroed(CALL, 2 * sizeof(exports_keyed_timers_t)), 0};
    for (int clock = WEIR_WATERMARK; clock <= WEIR_WALL_CLOCK; clock++) {
        uint32_t *keys = weir_arena_alloc(CALL, timers->count * sizeof *keys);
        int64_t *times = weir_arena_alloc(CALL, timers->count * sizeof *times);
        size_t count = 0;
        for (size_t i = 0; i < timers->count; i++) {
            const weir_timer_change *change = &timers->changes[i];
            if ((int)change->clock != clock || change->set != set) continue;
            keys[count] = change->key;
            times[count++] = change->time;
        }
        if (count == 0) continue;
        lists.ptr[lists.len++] = (exports_keyed_timers_t){
            (uint8_t)clock, {(uint8_t *)keys, count * sizeof *keys}, {(uint8_t *)times, count * sizeof *times}};
    }
    return lists;
}

exports_keyed_timer_changes_t weir_finish_timers(weir_timers *timers) {
    if (timers->count == 0) return (exports_keyed_timer_changes_t){{NULL, 0}, {NULL, 0}};
    // Of several changes to one timer the last counts.
    qsort(timers->changes, timers->count, sizeof *timers->changes, by_timer);
    size_t kept = 0;
    for (size_t i = 0; i < timers->count; i++) {
        const weir_timer_change *change = &timers->changes[i], *next = change + 1;
        bool is_last =
            i + 1 == timers->count || next->clock != change->clock || next->key != change->key || next->time != change->time;
        if (is_last) timers->changes[kept++] = *change;
    }
    timers->count = kept;
    return (exports_keyed_timer_changes_t){lists(timers, true), lists(timers, false)};
}
