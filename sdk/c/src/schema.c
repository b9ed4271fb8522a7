// Kinds of members and formats of columns; see schema.h.
#include "schema.h"

// What a kind is in a column: its format, the bytes of a value there, and the kind of the C type that it is kept in.
static const struct {
    const char *format;
    size_t width;
    weir_kind in;
} KINDS[] = {
    [WEIR_BOOL] = {"b", 0, WEIR_BOOL},
    [WEIR_INT8] = {"c", 1, WEIR_INT8},
    [WEIR_UINT8] = {"C", 1, WEIR_UINT8},
    [WEIR_INT16] = {"s", 2, WEIR_INT16},
    [WEIR_UINT16] = {"S", 2, WEIR_UINT16},
    [WEIR_INT32] = {"i", 4, WEIR_INT32},
    [WEIR_UINT32] = {"I", 4, WEIR_UINT32},
    [WEIR_INT64] = {"l", 8, WEIR_INT64},
    [WEIR_UINT64] = {"L", 8, WEIR_UINT64},
    [WEIR_FLOAT32] = {"f", 4, WEIR_FLOAT32},
    [WEIR_FLOAT64] = {"g", 8, WEIR_FLOAT64},
    [WEIR_UTF8] = {"u", 0, WEIR_UTF8},
    [WEIR_BINARY] = {"z", 0, WEIR_BINARY},
    [WEIR_LIST] = {"+l", 0, WEIR_LIST},
    [WEIR_STRUCT] = {"+s", 0, WEIR_STRUCT},
    [WEIR_DECIMAL] = {"d:", 16, WEIR_DECIMAL},
    [WEIR_DATE] = {"tdD", 4, WEIR_INT32},
    [WEIR_TIMESTAMP_S] = {"tss:UTC", 8, WEIR_INT64},
    [WEIR_TIMESTAMP_MS] = {"tsm:UTC", 8, WEIR_INT64},
    [WEIR_TIMESTAMP] = {"tsu:UTC", 8, WEIR_INT64},
    [WEIR_TIMESTAMP_NS] = {"tsn:UTC", 8, WEIR_INT64},
    [WEIR_NUMBER] = {"g", 8, WEIR_FLOAT64},
    [WEIR_EVENT_TIME] = {"tsu:UTC", 8, WEIR_INT64},
    [WEIR_ROW_KIND] = {"C", 1, WEIR_UINT8},
};

size_t weir_kind_width(weir_kind kind) { return KINDS[kind].width; }

static int64_t unit(char letter) {
    return letter == 's' ? 1 : letter == 'm' ? 1000 : letter == 'u' ? 1000000 : letter == 'n' ? 1000000000 : 0;
}

int64_t weir_kind_per_second(weir_kind kind) {
    return kind >= WEIR_TIMESTAMP_S && kind <= WEIR_TIMESTAMP_NS ? unit(KINDS[kind].format[2]) : 0;
}

int64_t weir_format_per_second(wire_string_t format) {
    return format.len > 3 && format.ptr[0] == 't' && format.ptr[1] == 's' && format.ptr[3] == ':' ? unit((char)format.ptr[2]) : 0;
}

size_t weir_node_count(const wire_field_t *fields) {
    size_t nodes = 0;
    for (size_t open = 1; open > 0; open--) open += fields[nodes++].children;
    return nodes;
}

size_t weir_column_count(wire_schema_t schema) {
    size_t count = 0;
    for (size_t at = 0; at < schema.len; at += weir_node_count(schema.ptr + at)) count++;
    return count;
}

size_t weir_column_start(wire_schema_t schema, size_t index) {
    size_t at = 0;
    while (index-- > 0) at += weir_node_count(schema.ptr + at);
    return at;
}

long weir_column_index(wire_schema_t schema, weir_text name) {
    long index = 0;
    for (size_t at = 0; at < schema.len; at += weir_node_count(schema.ptr + at), index++)
        if (weir_text_equal((weir_text){(const char *)schema.ptr[at].name.ptr, schema.ptr[at].name.len}, name)) return index;
    return -1;
}

static size_t children_of(const weir_field *field) {
    weir_kind kind = weir_field_kind(field);
    return kind == WEIR_LIST || kind == WEIR_STRUCT ? field->row->count : 0;
}

size_t weir_field_nodes(const weir_field *field) {
    size_t nodes = 1;
    for (size_t i = 0; i < children_of(field); i++) nodes += weir_field_nodes(&field->row->fields[i]);
    return nodes;
}

void weir_field_schema(const weir_field *field, weir_arena *arena, wire_field_t **to) {
    weir_kind kind = weir_field_kind(field);
    size_t children = children_of(field);
    const char *format = KINDS[kind].format;
    if (kind == WEIR_DECIMAL) format = weir_arena_string(arena, "d:%d,%d", field->precision, field->scale);
    *(*to)++ = (wire_field_t){weir_wire_string(weir_text_of(weir_field_name(field))), weir_wire_string(weir_text_of(format)),
                              field->nullable, (uint32_t)children};
    for (size_t i = 0; i < children; i++) weir_field_schema(&field->row->fields[i], arena, to);
}

wire_schema_t weir_row_schema(const weir_row *row, weir_arena *arena) {
    wire_schema_t schema = {NULL, 0};
    if (!row) return schema;
    for (size_t i = 0; i < row->count; i++)
        if (!weir_field_is_metadata(&row->fields[i])) schema.len += weir_field_nodes(&row->fields[i]);
    wire_field_t *to = schema.ptr = weir_arena_alloc(arena, schema.len * sizeof *schema.ptr);
    for (size_t i = 0; i < row->count; i++)
        if (!weir_field_is_metadata(&row->fields[i])) weir_field_schema(&row->fields[i], arena, &to);
    return schema;
}

bool weir_field_accepts(const weir_field *field, const wire_field_t *column) {
    weir_kind kind = weir_field_kind(field);
    wire_string_t format = column->format;
    if (kind == WEIR_NUMBER) return format.len == 1 && strchr("cCsSiIlLfg", format.ptr[0]);
    if (kind == WEIR_DECIMAL) {
        const char *own = weir_arena_string(&weir_call_memory, "d:%d,%d,128", field->precision, field->scale);
        size_t size = strlen(own);
        return weir_string_is(format, own) || (format.len == size - 4 && memcmp(format.ptr, own, size - 4) == 0);
    }
    int64_t per_second = weir_kind_per_second(kind), theirs = weir_format_per_second(format);
    if (per_second > 0) return theirs > 0 && theirs <= per_second;
    if (!weir_string_is(format, KINDS[kind].format)) return false;
    if (kind == WEIR_LIST) return column->children == 1 && weir_field_accepts(&field->row->fields[0], column + 1);
    if (kind != WEIR_STRUCT) return true;
    wire_schema_t children = {(wire_field_t *)column + 1, weir_node_count(column) - 1};
    for (size_t i = 0; i < field->row->count; i++) {
        const weir_field *child = &field->row->fields[i];
        long index = weir_column_index(children, weir_text_of(weir_field_name(child)));
        if (index < 0 ? !child->nullable : !weir_field_accepts(child, children.ptr + weir_column_start(children, (size_t)index)))
            return false;
    }
    return true;
}

// Which C type a kind is kept in, for people.
static const char *const C_TYPES[] = {
    [WEIR_BOOL] = "bool",         [WEIR_INT8] = "int8_t",    [WEIR_UINT8] = "uint8_t",   [WEIR_INT16] = "int16_t",
    [WEIR_UINT16] = "uint16_t",   [WEIR_INT32] = "int32_t",  [WEIR_UINT32] = "uint32_t", [WEIR_INT64] = "int64_t",
    [WEIR_UINT64] = "uint64_t",   [WEIR_FLOAT32] = "float",  [WEIR_FLOAT64] = "double",  [WEIR_UTF8] = "weir_text",
    [WEIR_BINARY] = "weir_bytes", [WEIR_LIST] = "weir_list", [WEIR_STRUCT] = "a struct", [WEIR_DECIMAL] = "weir_decimal",
};

static const char *of_another_struct(const weir_row *row, const weir_field *field, weir_arena *arena) {
    const char *of = field->of && strncmp(field->of, "struct ", 7) == 0 ? field->of + 7 : field->of;
    if (!of || strcmp(of, row->name) == 0) return NULL;
    return weir_arena_string(arena, "it is declared as a member of struct %s", of);
}

static const char *misdeclared(const weir_field *field, bool is_stored, weir_arena *arena) {
    weir_kind kind = weir_field_kind(field), in = KINDS[kind].in;
    if (field->kind != in)
        return weir_arena_string(arena, "it is a %s, and its kind is one of %s", C_TYPES[field->kind], C_TYPES[in]);
    if (kind == WEIR_DECIMAL && (field->precision < 1 || field->precision > 38 || field->scale < -38 || field->scale > 38))
        return "a decimal has .precision (1 to 38) and .scale";
    if (is_stored && (weir_field_is_metadata(field) || kind == WEIR_NUMBER || field->column || field->column_from))
        return "it is no column of its own: give it another kind";
    if (weir_field_is_metadata(field) && field->nullable) return "it is never null";
    if (kind != WEIR_LIST && kind != WEIR_STRUCT) return NULL;
    if (!field->row && field->c_type)
        return weir_arena_string(arena, "it is a %s, of which there are no columns; write %s", field->c_type,
                                 strstr(field->c_type, "*") ? "weir_text" : "int64_t, or another type of a known size");
    if (!field->row)
        return kind == WEIR_LIST ? "a list has the .row of its items"
                                 : "it is of a type that no column has; a struct has its .row";
    if (kind == WEIR_LIST && (field->row->count != 1 || strcmp(field->row->fields[0].name, "item") != 0))
        return "the items of a list are a struct with one member: item";
    if (kind == WEIR_STRUCT && field->row->size != field->size) return "its .row is that of another struct";
    for (size_t i = 0; i < field->row->count; i++)
        if (weir_field_is_metadata(&field->row->fields[i]))
            return "a struct within a column has no event time and no kind of the row";
    return weir_row_misdeclared(field->row, is_stored, arena);
}

const char *weir_row_misdeclared(const weir_row *row, bool is_stored, weir_arena *arena) {
    for (size_t i = 0; row && i < row->count; i++) {
        const char *why = of_another_struct(row, &row->fields[i], arena);
        if (!why) why = misdeclared(&row->fields[i], is_stored, arena);
        if (why) return weir_arena_string(arena, "member %s of struct %s: %s", row->fields[i].name, row->name, why);
    }
    return NULL;
}
