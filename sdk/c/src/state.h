// States of a call: an array of structs from the host's columns, and back.
#ifndef WEIR_STATE_H
#define WEIR_STATE_H

#include "connect.h"

// Reads states that this version wrote. `slots`: one per key, NULL: there is none. NULL, or why they cannot be read.
const char *weir_read_states(const weir_row *row, wire_schema_t schema, const wire_states_t *states, void ***slots);
// Writes some states, one per slot; a slot that is NULL is not there.
const char *weir_write_states(const weir_row *row, void *const *slots, size_t count, wire_list_node_t *columns);
// One bit per slot: whether it is there.
wire_buffer_t weir_presence(void *const *slots, size_t count);
// Brings states of another version to this one. NULL, or why not.
const char *weir_migrate(const weir_connected *connected, uint32_t from_version, wire_schema_t layout,
                         const wire_states_t *states, wire_list_node_t *migrated);

#endif
