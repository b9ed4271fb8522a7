// Scans of a map: what the host has, page by page, merged with what the call has changed.
#include <stdlib.h>

#include "host.h"
#include "maps.h"
#include "order.h"
#include "state.h"

#define CALL (&weir_call_memory)
enum { PAGE_MAX = 4096 };

// What the host has from a bound on.
typedef struct pages {
    weir_call_map *map;
    uint32_t key;
    wire_maps_bound_t lower, upper;
    void **keys, **values;
    size_t count, at;
    bool is_over;
} pages;

static wire_maps_bound_t bound(const weir_row *row, const void *included, const void *excluded) {
    wire_maps_bound_t bound = {.tag = WIRE_MAPS_BOUND_UNBOUNDED};
    if (!included && !excluded) return bound;
    void *slot = (void *)(included ? included : excluded);
    wire_list_node_t nodes;
    weir_write_states(row, &slot, 1, &nodes);
    bound.tag = included ? WIRE_MAPS_BOUND_INCLUDED : WIRE_MAPS_BOUND_EXCLUDED;
    bound.val.included = (wire_maps_list_node_t){nodes.ptr, nodes.len};
    return bound;
}

static const char *next_page(pages *p, size_t limit) {
    if (!weir_the_host || !weir_the_host->scan) return "no maps can be read here";
    wire_maps_page_t page;
    wire_string_t error;
    uint32_t wanted = limit > PAGE_MAX ? PAGE_MAX : (uint32_t)limit;
    if (!weir_the_host->scan(p->map->index, p->key, &p->lower, &p->upper, wanted, &page, &error))
        return weir_arena_string(CALL, "%.*s", (int)error.len, error.ptr);
    wire_states_t keys = {page.entries, {NULL, 0}, {page.entry_keys.ptr, page.entry_keys.len}};
    wire_states_t values = {page.entries, {NULL, 0}, {page.values.ptr, page.values.len}};
    const char *why = weir_read_states(p->map->declared->key, p->map->key_schema, &keys, &p->keys);
    if (!why) why = weir_read_states(p->map->declared->value, p->map->value_schema, &values, &p->values);
    p->count = page.entries;
    p->at = 0;
    if (page.entries == 0 || !page.more)
        p->is_over = true;
    else
        p->lower = bound(p->map->declared->key, NULL, p->keys[page.entries - 1]);
    return why;
}

static const weir_row *sorted_row; // what by_key compares: qsort takes no context

static int by_key(const void *a, const void *b) {
    return weir_compare(sorted_row, (*(weir_entry *const *)a)->entry_key, (*(weir_entry *const *)b)->entry_key);
}

static bool in_range(const weir_row *row, const void *key, weir_range range) {
    return (!range.from || weir_compare(row, key, range.from) >= 0) &&
           (!range.after || weir_compare(row, key, range.after) > 0) && (!range.to || weir_compare(row, key, range.to) <= 0) &&
           (!range.before || weir_compare(row, key, range.before) < 0);
}

static bool is_empty(const weir_row *row, weir_range range) {
    const void *low = range.from ? range.from : range.after, *high = range.to ? range.to : range.before;
    if (!low || !high) return false;
    int order = weir_compare(row, low, high);
    return order > 0 || (order == 0 && (!range.from || !range.to));
}

// The same range with one bound at each end, the tighter one.
static weir_range tightest(const weir_row *row, weir_range range) {
    if (range.from && range.after) *(weir_compare(row, range.from, range.after) > 0 ? &range.after : &range.from) = NULL;
    if (range.to && range.before) *(weir_compare(row, range.to, range.before) < 0 ? &range.before : &range.to) = NULL;
    return range;
}

// What the call has changed in a range, in order.
static weir_entry **changed_in(weir_call_map *map, uint32_t key, weir_range range, size_t *count) {
    *count = 0;
    size_t all = 0;
    for (weir_entry *entry = map->of_key ? map->of_key[key] : NULL; entry; entry = entry->next_of_key) all++;
    weir_entry **changed = weir_arena_alloc(CALL, all * sizeof *changed);
    for (weir_entry *entry = map->of_key ? map->of_key[key] : NULL; entry; entry = entry->next_of_key)
        if (entry->is_changed && in_range(map->declared->key, entry->entry_key, range)) changed[(*count)++] = entry;
    sorted_row = map->declared->key;
    qsort(changed, *count, sizeof *changed, by_key);
    return changed;
}

static void append(weir_call_map *map, weir_entries *found, size_t *room, const void *key, const void *value) {
    size_t key_size = map->declared->key->size, value_size = map->declared->value ? map->declared->value->size : 0;
    if (found->count == *room) {
        *room = *room ? 2 * *room : 16;
        found->keys = weir_arena_grow(CALL, (void *)found->keys, found->count * key_size, *room * key_size);
        found->values = weir_arena_grow(CALL, (void *)found->values, found->count * value_size, *room * value_size);
    }
    memcpy((char *)found->keys + found->count * key_size, key, key_size);
    if (value_size > 0) memcpy((char *)found->values + found->count * value_size, value, value_size);
    found->count++;
}

const char *weir_map_scan_range(weir_call_map *map, uint32_t key, weir_range range, size_t limit, weir_entries *found) {
    const weir_row *row = map->declared->key;
    *found = (weir_entries){NULL, NULL, 0};
    range = tightest(row, range);
    if (is_empty(row, range)) return NULL;
    size_t own_count, own = 0, room = 0;
    weir_entry **changed = changed_in(map, key, range, &own_count);
    pages p = {map, key, bound(row, range.from, range.after), bound(row, range.to, range.before), NULL, NULL, 0, 0, false};
    while (found->count < limit) {
        if (p.at == p.count && !p.is_over) {
            const char *why = next_page(&p, limit - found->count);
            if (why) return why;
            continue;
        }
        bool theirs = p.at < p.count, ours = own < own_count;
        if (!theirs && !ours) break;
        int order = !theirs ? 1 : !ours ? -1 : weir_compare(row, p.keys[p.at], changed[own]->entry_key);
        if (order < 0)
            append(map, found, &room, p.keys[p.at], p.values[p.at]);
        else if (changed[own]->value)
            append(map, found, &room, changed[own]->entry_key, changed[own]->value);
        // What the host has of a changed entry no longer counts.
        if (order <= 0) p.at++;
        if (order >= 0) own++;
    }
    return NULL;
}
