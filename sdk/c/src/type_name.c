// Types of columns as people write them.
#include "schema.h"

#include <stdio.h>

static const struct {
    const char *format, *name;
} NAMES[] = {
    {"n", "null"},    {"b", "bool"},    {"c", "int8"},   {"C", "uint8"},  {"s", "int16"},
    {"S", "uint16"},  {"i", "int32"},   {"I", "uint32"}, {"l", "int64"},  {"L", "uint64"},
    {"f", "float32"}, {"g", "float64"}, {"u", "utf8"},   {"z", "binary"}, {"tdD", "date32"},
};

enum { LIST_MAX = 4000 };

// Columns, joined by commas; so many that people can read them.
static const char *joined(const wire_field_t *column, size_t count, bool with_names, weir_arena *arena) {
    size_t room = LIST_MAX + 100, size = 0;
    char *list = NULL;
    for (size_t i = 0; i < count; i++, column += weir_node_count(column)) {
        const char *type = weir_type_name(column, arena);
        weir_text next =
            with_names ? weir_arena_format(arena, "%.*s: %s", (int)column->name.len, column->name.ptr, type) : weir_text_of(type);
        if (!list) list = (char *)weir_arena_zeroed(arena, room);
        if (size + next.size > LIST_MAX) {
            snprintf(list + size, room - size, "%sand %zu more", i > 0 ? ", " : "", count - i);
            break;
        }
        size += (size_t)snprintf(list + size, room - size, "%s%s", i > 0 ? ", " : "", next.data);
    }
    return list ? list : "";
}

const char *weir_type_name(const wire_field_t *column, weir_arena *arena) {
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (weir_string_is(column->format, NAMES[i].format)) return NAMES[i].name;
    weir_text format = weir_arena_text(arena, column->format.ptr, column->format.len);
    if (weir_string_is(column->format, "+l"))
        return weir_arena_string(arena, "list<%s>", joined(column + 1, column->children, false, arena));
    if (weir_string_is(column->format, "+s"))
        return weir_arena_string(arena, "struct<%s>", joined(column + 1, column->children, true, arena));
    if (strncmp(format.data, "d:", 2) == 0) {
        const char *comma = strchr(format.data, ',');
        int digits = comma ? (int)(comma - format.data) - 2 : 0;
        return weir_arena_string(arena, "decimal128(%.*s, %s)", digits, format.data + 2, comma ? comma + 1 : format.data + 2);
    }
    if (weir_format_per_second(column->format) > 0) {
        char letter = format.data[2];
        const char *unit = letter == 's' ? "s" : letter == 'm' ? "ms" : letter == 'u' ? "us" : "ns";
        return weir_arena_string(arena, format.data[4] ? "timestamp(%s, %s)" : "timestamp(%s)", unit, format.data + 4);
    }
    return weir_arena_string(arena, "\"%s\"", format.data);
}

const char *weir_field_needs(const weir_field *field, weir_arena *arena) {
    switch (weir_field_kind(field)) {
    case WEIR_NUMBER: return "any integer or float";
    case WEIR_TIMESTAMP_S: return "a timestamp of seconds or coarser";
    case WEIR_TIMESTAMP_MS: return "a timestamp of milliseconds or coarser";
    case WEIR_TIMESTAMP: return "a timestamp of microseconds or coarser";
    case WEIR_TIMESTAMP_NS: return "a timestamp of nanoseconds or coarser";
    default: break;
    }
    wire_field_t *nodes = weir_arena_alloc(arena, weir_field_nodes(field) * sizeof *nodes), *to = nodes;
    weir_field_schema(field, arena, &to);
    return weir_type_name(nodes, arena);
}

const char *weir_listing(wire_schema_t schema, weir_arena *arena) {
    return schema.len == 0 ? "no columns" : joined(schema.ptr, weir_column_count(schema), true, arena);
}
