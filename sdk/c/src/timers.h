// Timers that are set and deleted during a call.
#ifndef WEIR_TIMERS_H
#define WEIR_TIMERS_H

#include "../bindings/wire.h"
#include "weir/operator.h"

typedef struct weir_timer_change {
    weir_clock clock;
    uint32_t key;
    int64_t time;
    bool set;
    size_t order;
} weir_timer_change;

typedef struct weir_timers {
    weir_timer_change *changes;
    size_t count, room;
} weir_timers;

void weir_change_timer(weir_timers *timers, weir_timer_change change);
// As the host applies them, deletions first: what was deleted after it was set is not set.
exports_keyed_timer_changes_t weir_finish_timers(weir_timers *timers);

#endif
