// The entries of a map that a call has asked for or changed; see maps.h.
#include "maps.h"

#include "host.h"
#include "order.h"
#include "state.h"

#define CALL (&weir_call_memory)

void weir_map_begin(weir_call_map *map, uint32_t index, const weir_connected *connected, uint32_t key_count) {
    *map = (weir_call_map){.index = index,
                           .declared = &connected->op->maps[index],
                           .key_schema = connected->map_keys[index],
                           .value_schema = connected->map_values[index],
                           .key_count = key_count};
}

static void rehash(weir_call_map *map) {
    map->bucket_count = map->bucket_count ? 2 * map->bucket_count : 64;
    map->buckets = weir_arena_zeroed(CALL, map->bucket_count * sizeof *map->buckets);
    for (size_t i = 0; i < map->count; i++) {
        weir_entry **bucket = &map->buckets[map->entries[i]->hash & (map->bucket_count - 1)];
        map->entries[i]->next_in_bucket = *bucket;
        *bucket = map->entries[i];
    }
}

weir_entry *weir_map_find(weir_call_map *map, uint32_t key, const void *entry_key) {
    const weir_row *row = map->declared->key;
    uint64_t hash = (weir_hash(row, entry_key) ^ key) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 32;
    weir_entry *found = map->buckets ? map->buckets[hash & (map->bucket_count - 1)] : NULL;
    for (; found; found = found->next_in_bucket)
        if (found->hash == hash && found->key == key && weir_compare(row, found->entry_key, entry_key) == 0) return found;
    if (map->count >= map->bucket_count) rehash(map);
    if (!map->of_key) map->of_key = weir_arena_zeroed(CALL, map->key_count * sizeof *map->of_key);
    if (map->count == map->room) {
        size_t size = sizeof *map->entries, room = map->room ? 2 * map->room : 64;
        map->entries = weir_arena_grow(CALL, map->entries, map->count * size, room * size);
        map->room = room;
    }
    weir_entry *entry = weir_arena_alloc(CALL, sizeof *entry), **bucket = &map->buckets[hash & (map->bucket_count - 1)];
    void *own = weir_arena_alloc(CALL, row->size);
    memcpy(own, entry_key, row->size);
    *entry = (weir_entry){.next_in_bucket = *bucket, .next_of_key = map->of_key[key], .hash = hash, .key = key, .entry_key = own};
    *bucket = map->of_key[key] = map->entries[map->count++] = entry;
    return entry;
}

static void **keys_of(weir_entry *const *entries, size_t count) {
    void **keys = weir_arena_alloc(CALL, count * sizeof *keys);
    for (size_t i = 0; i < count; i++) keys[i] = entries[i]->entry_key;
    return keys;
}

const char *weir_map_read(weir_call_map *map, weir_entry *const *entries, size_t count) {
    if (count == 0) return NULL;
    if (!weir_the_host || !weir_the_host->get) return "no maps can be read here";
    uint32_t *keys = weir_arena_alloc(CALL, count * sizeof *keys);
    for (size_t i = 0; i < count; i++) keys[i] = entries[i]->key;
    wire_buffer_t key_bytes = {(uint8_t *)keys, count * sizeof *keys};
    wire_list_node_t nodes;
    const char *why = weir_write_states(map->declared->key, keys_of(entries, count), count, &nodes);
    if (why) return why;
    wire_maps_list_node_t entry_keys = {nodes.ptr, nodes.len};
    wire_maps_found_t found;
    wire_string_t error;
    if (!weir_the_host->get(map->index, &key_bytes, &entry_keys, &found, &error))
        return weir_arena_string(CALL, "%.*s", (int)error.len, error.ptr);
    wire_states_t values = {(uint32_t)count, found.present, {found.values.ptr, found.values.len}};
    void **slots;
    why = weir_read_states(map->declared->value, map->value_schema, &values, &slots);
    for (size_t i = 0; !why && i < count; i++) {
        entries[i]->is_known = true;
        entries[i]->value = slots[i];
    }
    return why;
}

void weir_map_read_unknown(weir_call_map *map) {
    weir_entry **unknown = weir_arena_array(CALL, map->count, sizeof *unknown);
    size_t count = 0;
    for (size_t i = 0; i < map->count; i++)
        if (!map->entries[i]->is_known) unknown[count++] = map->entries[i];
    weir_map_read(map, unknown, count);
}

void weir_map_set(weir_call_map *map, weir_entry *entry, void *value) {
    if (map->undo_count == map->undo_room) {
        size_t size = sizeof *map->undo, room = map->undo_room ? 2 * map->undo_room : 16;
        map->undo = weir_arena_grow(CALL, map->undo, map->undo_count * size, room * size);
        map->undo_room = room;
    }
    map->undo[map->undo_count++] = (weir_undo){entry, *entry};
    entry->value = value;
    entry->is_known = entry->is_changed = true;
}

void weir_map_undo(weir_call_map *map) {
    while (map->undo_count > 0) {
        weir_undo *undo = &map->undo[--map->undo_count];
        undo->entry->value = undo->before.value;
        undo->entry->is_known = undo->before.is_known;
        undo->entry->is_changed = undo->before.is_changed;
    }
}

bool weir_map_finish(weir_call_map *map, exports_keyed_map_changes_t *changes, const char **why) {
    size_t count = 0;
    weir_entry **changed = weir_arena_alloc(CALL, map->count * sizeof *changed);
    for (size_t i = 0; i < map->count; i++)
        if (map->entries[i]->is_changed) changed[count++] = map->entries[i];
    if (count == 0) return false;
    uint32_t *keys = weir_arena_alloc(CALL, count * sizeof *keys);
    void **values = weir_arena_alloc(CALL, count * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        keys[i] = changed[i]->key;
        values[i] = changed[i]->value;
    }
    wire_list_node_t key_nodes, value_nodes;
    *why = weir_write_states(map->declared->key, keys_of(changed, count), count, &key_nodes);
    if (!*why) *why = weir_write_states(map->declared->value, values, count, &value_nodes);
    if (*why) return false;
    *changes = (exports_keyed_map_changes_t){map->index,
                                             {(uint8_t *)keys, count * sizeof *keys},
                                             {key_nodes.ptr, key_nodes.len},
                                             weir_presence(values, count),
                                             {value_nodes.ptr, value_nodes.len}};
    return true;
}
