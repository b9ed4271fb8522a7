// Types of columns, as the contract writes them (`l`, `+s`) and as people do (int64, struct<x: float64>).
#ifndef WEIR_SCHEMA_H
#define WEIR_SCHEMA_H

#include "../bindings/wire.h"
#include "arena.h"
#include "weir/operator.h"

// What a member is a column of.
static inline weir_kind weir_field_kind(const weir_field *field) { return field->as ? field->as : field->kind; }
// The name of its column.
static inline const char *weir_field_name(const weir_field *field) { return field->column ? field->column : field->name; }
// Whether it is no column, but the event time or the kind of the row.
static inline bool weir_field_is_metadata(const weir_field *field) {
    return field->as == WEIR_EVENT_TIME || field->as == WEIR_ROW_KIND;
}

static inline bool weir_string_is(wire_string_t text, const char *string) {
    return text.len == strlen(string) && memcmp(text.ptr, string, text.len) == 0;
}
static inline wire_string_t weir_wire_string(weir_text text) { return (wire_string_t){(uint8_t *)text.data, text.size}; }

// How many nodes the column that begins at `fields` has, its own included.
size_t weir_node_count(const wire_field_t *fields);
// How many columns a schema has.
size_t weir_column_count(wire_schema_t schema);
// The first node of a column of a schema.
size_t weir_column_start(wire_schema_t schema, size_t index);
// The index of a column; -1: there is none of this name.
long weir_column_index(wire_schema_t schema, weir_text name);

// How many nodes a member's column has, and the schema of it, which is appended.
size_t weir_field_nodes(const weir_field *field);
void weir_field_schema(const weir_field *field, weir_arena *arena, wire_field_t **to);
// The schema of a struct; none: an empty one.
wire_schema_t weir_row_schema(const weir_row *row, weir_arena *arena);

// Whether a column can be read as a member.
bool weir_field_accepts(const weir_field *field, const wire_field_t *column);
// The type of a column, and what columns a member can be read from, for people.
const char *weir_type_name(const wire_field_t *column, weir_arena *arena);
const char *weir_field_needs(const weir_field *field, weir_arena *arena);
// The columns of a schema, for people: `a: int64, b: utf8`.
const char *weir_listing(wire_schema_t schema, weir_arena *arena);

// What is wrong with the declaration of a struct: NULL, or why.
const char *weir_row_misdeclared(const weir_row *row, bool is_stored, weir_arena *arena);

// Bytes of a value in a column; 0: of various lengths, or bits.
size_t weir_kind_width(weir_kind kind);
// How many units of its unit a second has; 0: the kind is no timestamp.
int64_t weir_kind_per_second(weir_kind kind);
int64_t weir_format_per_second(wire_string_t format);

#endif
