// Columns of the contract to members of structs, and back: a column at a time, into or out of an array with any stride. So rows
// (an array of structs) and columns (an array of values) go the same way.
#ifndef WEIR_COLUMN_H
#define WEIR_COLUMN_H

#include "schema.h"

static inline bool weir_bit(const uint8_t *bits, size_t at) { return bits[at / 8] >> (at % 8) & 1; }

// The values of one member of some rows.
typedef struct weir_cells {
    const weir_field *field;
    unsigned char *values; // of the first row
    size_t stride;
    unsigned char *has; // a bool per row, for a member that may be null
    size_t has_stride;
} weir_cells;

// The cells of a member of an array of structs.
static inline weir_cells weir_cells_of(const weir_field *field, size_t struct_size, const void *rows) {
    unsigned char *first = (unsigned char *)rows;
    if (!first) return (weir_cells){field, NULL, struct_size, NULL, struct_size}; // There is no row.
    return (weir_cells){field, first + field->offset, struct_size, field->nullable ? first + field->has_offset : NULL,
                        struct_size};
}

// A column that was passed in: its nodes, in pre-order.
typedef struct weir_column {
    const wire_field_t *fields;
    const wire_node_t *nodes;
} weir_column;

// Why each row cannot be held by its struct; NULL where it can. `reasons` itself is NULL while there is none.
typedef struct weir_invalid_rows {
    weir_arena *arena;
    size_t rows;
    const char **reasons;
} weir_invalid_rows;

// Reads a column with `rows` values, which people know as `name`. A null where none may be, or an instant out of range, makes its row invalid.
// Returns NULL, or why the host has passed too little.
const char *weir_read_column(weir_cells cells, weir_column column, size_t rows, const char *name, weir_invalid_rows *invalid);
// Reads a member that has no column: nulls.
void weir_read_nothing(weir_cells cells, size_t rows);
// Reads all members of an array of structs from the columns of a schema, by name; missing ones are null if they may be.
const char *weir_read_rows(const weir_row *row, void *rows, size_t count, wire_schema_t schema, wire_list_node_t nodes,
                           weir_invalid_rows *invalid);

// Appends the nodes of a column with `rows` values. `there`: whether each row is there at all, a byte per row; NULL: all.
// The values must have been checked; see check.h. NULL, or why a column cannot be made: it is too large.
const char *weir_write_column(weir_cells cells, const uint8_t *there, size_t rows, weir_arena *arena, wire_node_t **to);
// The columns of an array of structs.
const char *weir_write_rows(const weir_row *row, const void *rows, const uint8_t *there, size_t count, weir_arena *arena,
                            wire_list_node_t *to);

#endif
