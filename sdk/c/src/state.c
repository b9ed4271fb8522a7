// Reads, writes and migrates states; see state.h.
#include "state.h"

#include "check.h"
#include "running.h"

#define CALL (&weir_call_memory)

static bool is_present(const wire_states_t *states, size_t key) {
    return states->present.len == 0 || weir_bit(states->present.ptr, key);
}

const char *weir_read_states(const weir_row *row, wire_schema_t schema, const wire_states_t *states, void ***slots) {
    size_t size = row ? row->size : 1;
    if (states->present.len > 0 && states->present.len < (states->keys + 7) / 8)
        return "the host passed too little of the states";
    unsigned char *structs = weir_arena_zeroed_array(CALL, states->keys, size);
    *slots = weir_arena_array(CALL, states->keys, sizeof **slots);
    weir_invalid_rows invalid = {CALL, states->keys, NULL};
    const char *why = row ? weir_read_rows(row, structs, states->keys, schema, states->columns, &invalid) : NULL;
    for (size_t key = 0; !why && key < states->keys; key++) {
        bool is_there = is_present(states, key);
        if (is_there && invalid.reasons && invalid.reasons[key])
            why = weir_arena_string(CALL, "in a state, %s", invalid.reasons[key]);
        (*slots)[key] = is_there ? structs + key * size : NULL;
    }
    return why;
}

wire_buffer_t weir_presence(void *const *slots, size_t count) {
    wire_buffer_t bits = {weir_arena_zeroed(CALL, (count + 7) / 8), (count + 7) / 8};
    for (size_t i = 0; i < count; i++)
        if (slots[i]) bits.ptr[i / 8] |= (uint8_t)(1 << i % 8);
    return bits;
}

const char *weir_write_states(const weir_row *row, void *const *slots, size_t count, wire_list_node_t *columns) {
    size_t size = row ? row->size : 0;
    unsigned char *structs = weir_arena_zeroed_array(CALL, count, size);
    uint8_t *there = weir_arena_alloc(CALL, count);
    for (size_t i = 0; i < count; i++) {
        there[i] = slots[i] != NULL;
        if (slots[i] && size > 0) memcpy(structs + i * size, slots[i], size);
    }
    return weir_write_rows(row, structs, there, count, CALL, columns);
}

// Whether states of a layout can be read as a struct; nullable columns may be missing, if `may_miss`. NULL, or why not.
static const char *unreadable(const weir_row *row, wire_schema_t layout, bool may_miss) {
    for (size_t i = 0; i < row->count; i++) {
        const weir_field *field = &row->fields[i];
        long index = weir_column_index(layout, weir_text_of(field->name));
        if (index < 0 && field->nullable && may_miss) continue;
        if (index < 0)
            return weir_arena_string(CALL, "there is no column \"%s\" (%s) in the state; it has %s", field->name,
                                     weir_field_needs(field, CALL), weir_listing(layout, CALL));
        const wire_field_t *column = layout.ptr + weir_column_start(layout, (size_t)index);
        if (!weir_field_accepts(field, column))
            return weir_arena_string(CALL, "column \"%s\" is %s, not %s", field->name, weir_type_name(column, CALL),
                                     weir_field_needs(field, CALL));
    }
    return NULL;
}

const char *weir_migrate(const weir_connected *connected, uint32_t from_version, wire_schema_t layout,
                         const wire_states_t *states, wire_list_node_t *migrated) {
    const weir_operator *op = connected->op;
    if (!op) return "describe must be called before anything else";
    const weir_migration *migration = NULL;
    for (size_t i = 0; i < WEIR_MAPS_MAX && op->migrations[i].row; i++)
        if (op->migrations[i].from_version == from_version) migration = &op->migrations[i];
    const weir_row *row = migration ? migration->row : op->state;
    if (!row) return weir_write_states(NULL, NULL, 0, migrated);
    const char *why = weir_row_misdeclared(row, true, CALL);
    if (!why) why = unreadable(row, layout, migration != NULL);
    if (why && !migration)
        why = weir_arena_string(CALL, "there is no migration from version %u of the state, and its columns do not fit: %s", from_version, why);
    void **slots;
    if (!why) why = weir_read_states(row, layout, states, &slots);
    if (why) return why;
    struct weir_running running = {0};
    weir_call call = {0};
    weir_begin(&running, &call, connected, states->keys);
    for (uint32_t key = 0; migration && key < states->keys; key++) {
        if (!slots[key]) continue;
        void *state = weir_arena_zeroed(CALL, op->state->size);
        weir_status status = migration->convert(&call, slots[key], state);
        if (status == WEIR_OK) running.reason = running.reason ? running.reason : weir_check_and_own(op->state, state, CALL);
        if (status != WEIR_OK || running.reason) return running.reason ? running.reason : "refused without a reason";
        slots[key] = state;
    }
    return weir_write_states(op->state, slots, states->keys, migrated);
}
