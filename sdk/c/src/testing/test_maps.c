// The maps of a keyed operator in a test.
#include "test.h"

#include <stdlib.h>

#define CALL (&weir_call_memory)

weir_test *weir_test_running;

static const weir_map *map_of(uint32_t map) { return &weir_test_running->connected.op->maps[map]; }

static void **read(const weir_row *row, wire_schema_t schema, size_t count, wire_buffer_t present, wire_list_node_t columns) {
    wire_states_t states = {(uint32_t)count, present, columns};
    void **slots;
    if (weir_read_states(row, schema, &states, &slots)) abort();
    return slots;
}

static wire_maps_list_node_t write(const weir_row *row, void *const *slots, size_t count) {
    wire_list_node_t nodes;
    if (weir_write_states(row, slots, count, &nodes)) abort();
    return (wire_maps_list_node_t){nodes.ptr, nodes.len};
}

static weir_test_entry *find(uint32_t map, size_t key, const void *entry_key) {
    for (size_t i = 0; i < weir_test_running->entry_count; i++) {
        weir_test_entry *entry = &weir_test_running->entries[i];
        if (entry->map == map && entry->key == key && weir_compare(map_of(map)->key, entry->entry_key, entry_key) == 0)
            return entry;
    }
    return NULL;
}

bool weir_test_get(uint32_t map, wire_buffer_t *keys, wire_maps_list_node_t *entry_keys, wire_maps_found_t *found,
                   wire_string_t *error) {
    (void)error;
    size_t count = keys->len / sizeof(uint32_t);
    void **wanted = read(map_of(map)->key, weir_test_running->connected.map_keys[map], count, (wire_buffer_t){NULL, 0},
                         (wire_list_node_t){entry_keys->ptr, entry_keys->len});
    void **values = weir_arena_alloc(CALL, count * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        weir_test_entry *entry = find(map, weir_test_running->keys_of_call[((const uint32_t *)keys->ptr)[i]], wanted[i]);
        values[i] = entry ? entry->value : NULL;
    }
    found->present = weir_presence(values, count);
    found->values = write(map_of(map)->value, values, count);
    return true;
}

static const weir_row *sorted_row;

static int by_key(const void *a, const void *b) {
    return weir_compare(sorted_row, ((const weir_test_entry *)a)->entry_key, ((const weir_test_entry *)b)->entry_key);
}

// Whether an entry's key is on the right side of a bound; `side`: -1 if the bound is the lower one, 1 if it is the upper one.
static bool within(uint32_t map, const void *entry_key, const wire_maps_bound_t *bound, int side) {
    if (bound->tag == WIRE_MAPS_BOUND_UNBOUNDED) return true;
    wire_list_node_t nodes = {bound->val.included.ptr, bound->val.included.len};
    const void *limit = read(map_of(map)->key, weir_test_running->connected.map_keys[map], 1, (wire_buffer_t){NULL, 0}, nodes)[0];
    int order = side * weir_compare(map_of(map)->key, entry_key, limit);
    return bound->tag == WIRE_MAPS_BOUND_INCLUDED ? order <= 0 : order < 0;
}

bool weir_test_scan(uint32_t map, uint32_t key, wire_maps_bound_t *lower, wire_maps_bound_t *upper, uint32_t limit,
                    wire_maps_page_t *page, wire_string_t *error) {
    (void)error;
    weir_test *test = weir_test_running;
    sorted_row = map_of(map)->key;
    weir_test_entry *entries = weir_arena_alloc(CALL, test->entry_count * sizeof *entries);
    size_t count = 0;
    for (size_t i = 0; i < test->entry_count; i++) {
        const weir_test_entry *entry = &test->entries[i];
        if (entry->map == map && entry->key == test->keys_of_call[key] && within(map, entry->entry_key, lower, -1) &&
            within(map, entry->entry_key, upper, 1))
            entries[count++] = *entry;
    }
    if (count > 0) qsort(entries, count, sizeof *entries, by_key);
    // Small pages, so that tests see more than one.
    size_t given = count < limit ? count : limit;
    if (given > 2) given = 2;
    void **keys = weir_arena_alloc(CALL, given * sizeof *keys), **values = weir_arena_alloc(CALL, given * sizeof *values);
    for (size_t i = 0; i < given; i++) {
        keys[i] = entries[i].entry_key;
        values[i] = entries[i].value;
    }
    *page = (wire_maps_page_t){(uint32_t)given, write(map_of(map)->key, keys, given), write(map_of(map)->value, values, given),
                               given < count};
    return true;
}

void weir_test_apply_maps(weir_test *test, const exports_keyed_list_map_changes_t *changes) {
    for (size_t i = 0; i < changes->len; i++) {
        const exports_keyed_map_changes_t *of = &changes->ptr[i];
        size_t count = of->keys.len / sizeof(uint32_t);
        const weir_map *map = map_of(of->map_index);
        void **keys = read(map->key, test->connected.map_keys[of->map_index], count, (wire_buffer_t){NULL, 0},
                           (wire_list_node_t){of->entry_keys.ptr, of->entry_keys.len});
        void **values = read(map->value, test->connected.map_values[of->map_index], count, of->present,
                             (wire_list_node_t){of->values.ptr, of->values.len});
        for (size_t k = 0; k < count; k++) {
            size_t key = test->keys_of_call[((const uint32_t *)of->keys.ptr)[k]];
            weir_test_entry *entry = find(of->map_index, key, keys[k]);
            if (!values[k]) {
                if (entry) *entry = test->entries[--test->entry_count];
                continue;
            }
            if (!entry) {
                test->entries = weir_test_more(test, test->entries, test->entry_count, &test->entry_room, sizeof *test->entries);
                entry = &test->entries[test->entry_count++];
                *entry = (weir_test_entry){key, of->map_index, weir_test_own(test, map->key, keys[k]), NULL};
            }
            entry->value = weir_test_own(test, map->value, values[k]);
        }
    }
}

weir_entries weir_test_entries(weir_test *test, unsigned map, const void *given) {
    weir_entries found = {NULL, NULL, 0};
    weir_test_running = test;
    const weir_row *key = map_of(map)->key, *value = map_of(map)->value;
    weir_test_entry *entries = weir_arena_alloc(CALL, test->entry_count * sizeof *entries);
    for (size_t i = 0; i < test->entry_count; i++)
        if (test->entries[i].map == map &&
            weir_compare(&test->inputs[0].keys, test->keys[test->entries[i].key].given, given) == 0)
            entries[found.count++] = test->entries[i];
    sorted_row = key;
    if (found.count > 0) qsort(entries, found.count, sizeof *entries, by_key);
    size_t value_size = value ? value->size : 0;
    found.keys = weir_arena_alloc(CALL, found.count * key->size);
    found.values = weir_arena_alloc(CALL, found.count * value_size);
    for (size_t i = 0; i < found.count; i++) {
        memcpy((char *)found.keys + i * key->size, entries[i].entry_key, key->size);
        if (value) memcpy((char *)found.values + i * value_size, entries[i].value, value_size);
    }
    return found;
}
