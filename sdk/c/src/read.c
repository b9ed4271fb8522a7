// Reads columns into members of structs.
#include "column.h"

static const char *too_little(const weir_field *field) {
    return weir_arena_string(&weir_call_memory, "the host passed too little of column \"%s\"", weir_field_name(field));
}

static void invalid_row(weir_invalid_rows *invalid, size_t row, const char *name, const char *what) {
    if (!invalid->reasons) invalid->reasons = weir_arena_zeroed(invalid->arena, invalid->rows * sizeof *invalid->reasons);
    if (!invalid->reasons[row]) invalid->reasons[row] = weir_arena_string(invalid->arena, "column \"%s\" %s", name, what);
}

static wire_buffer_t buffer(const wire_node_t *node, size_t index) {
    return index < node->buffers.len ? node->buffers.ptr[index] : (wire_buffer_t){NULL, 0};
}

// The bits of a column's validity; NULL: nothing is null.
static const uint8_t *validity(const wire_node_t *node) {
    return node->null_count > 0 && buffer(node, 0).len > 0 ? buffer(node, 0).ptr : NULL;
}

#define COPY(type) \
    for (size_t i = 0; i < rows; i++) *(type *)(cells.values + i * cells.stride) = ((const type *)from)[i]

static void read_fixed(weir_cells cells, const uint8_t *from, size_t width, size_t rows) {
    if (width == cells.stride) {
        memcpy(cells.values, from, rows * width);
        return;
    }
    switch (width) {
    case 1: COPY(uint8_t); break;
    case 2: COPY(uint16_t); break;
    case 4: COPY(uint32_t); break;
    case 8: COPY(uint64_t); break;
    default: COPY(weir_decimal); break;
    }
}

#define CONVERT(letter, type)                                                                                             \
    case letter:                                                                                                          \
        for (size_t i = 0; i < rows; i++) *(double *)(cells.values + i * cells.stride) = (double)((const type *)from)[i]; \
        break

static void read_number(weir_cells cells, char format, const uint8_t *from, size_t rows) {
    switch (format) {
        CONVERT('c', int8_t);
        CONVERT('C', uint8_t);
        CONVERT('s', int16_t);
        CONVERT('S', uint16_t);
        CONVERT('i', int32_t);
        CONVERT('I', uint32_t);
        CONVERT('l', int64_t);
        CONVERT('L', uint64_t);
        CONVERT('f', float);
        CONVERT('g', double);
    }
}

static size_t width_of_number(char format) {
    return strchr("cC", format) ? 1 : strchr("sS", format) ? 2 : strchr("iIf", format) ? 4 : 8;
}

// Instants of a coarser unit.
static void read_instants(weir_cells cells, const int64_t *from, int64_t factor, const uint8_t *valid, size_t rows,
                          const char *name, weir_invalid_rows *invalid) {
    for (size_t i = 0; i < rows; i++) {
        int64_t *to = (int64_t *)(cells.values + i * cells.stride);
        if (__builtin_mul_overflow(from[i], factor, to) && (!valid || weir_bit(valid, i)))
            invalid_row(invalid, i, name, "is out of range in the unit of its field");
    }
}

static const char *read_list(weir_cells cells, weir_column column, const int32_t *offsets, const uint8_t *valid, size_t rows,
                             const char *name, weir_invalid_rows *invalid) {
    const weir_field *item = &cells.field->row->fields[0];
    size_t size = cells.field->row->size, count = column.nodes[1].length;
    unsigned char *items = weir_arena_array(invalid->arena, count, size);
    memset(items, 0, count * size);
    weir_invalid_rows inner = {invalid->arena, count, NULL};
    const char *why = weir_read_column(weir_cells_of(item, size, items), (weir_column){column.fields + 1, column.nodes + 1},
                                       count, name, &inner);
    if (why) return why;
    for (size_t i = 0; i < rows; i++) {
        size_t start = (size_t)offsets[i], end = (size_t)offsets[i + 1];
        if (end < start || end > count) return too_little(cells.field);
        *(weir_list *)(cells.values + i * cells.stride) = (weir_list){items + start * size, end - start};
        if (!inner.reasons || (valid && !weir_bit(valid, i))) continue;
        for (size_t at = start; at < end; at++)
            if (inner.reasons[at])
                invalid_row(invalid, i, name, "has an item that is null or out of range, and the operator has no place for that");
    }
    return NULL;
}

static const char *read_struct(weir_cells cells, weir_column column, const uint8_t *valid, size_t rows, const char *name,
                               weir_invalid_rows *invalid) {
    const weir_row *row = cells.field->row;
    wire_schema_t children = {(wire_field_t *)column.fields + 1, weir_node_count(column.fields) - 1};
    weir_invalid_rows inner = {invalid->arena, rows, NULL};
    for (size_t k = 0; k < row->count; k++) {
        const weir_field *field = &row->fields[k];
        weir_cells child = {field, cells.values + field->offset, cells.stride,
                            field->nullable ? cells.values + field->has_offset : NULL, cells.stride};
        long index = weir_column_index(children, weir_text_of(weir_field_name(field)));
        if (index < 0) {
            weir_read_nothing(child, rows);
            continue;
        }
        size_t at = 1 + weir_column_start(children, (size_t)index);
        const char *why = weir_read_column(child, (weir_column){column.fields + at, column.nodes + at}, rows, name, &inner);
        if (why) return why;
    }
    for (size_t i = 0; inner.reasons && i < rows; i++)
        if (inner.reasons[i] && (!valid || weir_bit(valid, i)))
            invalid_row(invalid, i, name, "has a member that is null or out of range, and the operator has no place for that");
    return NULL;
}

static const char *read_bytes(weir_cells cells, const int32_t *offsets, wire_buffer_t bytes, size_t rows) {
    for (size_t i = 0; i < rows; i++) {
        size_t start = (size_t)offsets[i], end = (size_t)offsets[i + 1];
        if (end < start || end > bytes.len) return too_little(cells.field);
        *(weir_text *)(cells.values + i * cells.stride) = (weir_text){(const char *)bytes.ptr + start, end - start};
    }
    return NULL;
}

static void read_has(weir_cells cells, const uint8_t *valid, size_t rows, const char *name, weir_invalid_rows *invalid) {
    if (cells.has) {
        for (size_t i = 0; i < rows; i++) *(bool *)(cells.has + i * cells.has_stride) = !valid || weir_bit(valid, i);
    } else if (!cells.field->nullable && valid) {
        for (size_t i = 0; i < rows; i++)
            if (!weir_bit(valid, i))
                invalid_row(invalid, i, name, "is null, and the operator has no place for that (WEIR_NULLABLE)");
    }
}

const char *weir_read_column(weir_cells cells, weir_column column, size_t rows, const char *name, weir_invalid_rows *invalid) {
    const wire_node_t *node = column.nodes;
    const weir_field *field = cells.field;
    weir_kind kind = weir_field_kind(field);
    const uint8_t *valid = validity(node);
    if (node->length != rows || (valid && buffer(node, 0).len < (rows + 7) / 8)) return too_little(field);
    read_has(cells, valid, rows, name, invalid);
    if (rows == 0) return NULL;
    if (kind == WEIR_STRUCT) return read_struct(cells, column, valid, rows, name, invalid);
    wire_buffer_t values = buffer(node, 1);
    if (kind == WEIR_BOOL) {
        if (values.len < (rows + 7) / 8) return too_little(field);
        for (size_t i = 0; i < rows; i++) *(bool *)(cells.values + i * cells.stride) = weir_bit(values.ptr, i);
        return NULL;
    }
    if (kind == WEIR_LIST || kind == WEIR_UTF8 || kind == WEIR_BINARY) {
        if (values.len < (rows + 1) * sizeof(int32_t)) return too_little(field);
        const int32_t *offsets = (const int32_t *)values.ptr;
        return kind == WEIR_LIST ? read_list(cells, column, offsets, valid, rows, name, invalid)
                                 : read_bytes(cells, offsets, buffer(node, 2), rows);
    }
    size_t width = kind == WEIR_NUMBER ? width_of_number((char)column.fields->format.ptr[0]) : weir_kind_width(kind);
    if (values.len < rows * width) return too_little(field);
    int64_t finer = weir_kind_per_second(kind), factor = finer > 0 ? finer / weir_format_per_second(column.fields->format) : 1;
    if (factor > 1)
        read_instants(cells, (const int64_t *)values.ptr, factor, valid, rows, name, invalid);
    else if (kind == WEIR_NUMBER)
        read_number(cells, (char)column.fields->format.ptr[0], values.ptr, rows);
    else
        read_fixed(cells, values.ptr, width, rows);
    return NULL;
}

void weir_read_nothing(weir_cells cells, size_t rows) {
    for (size_t i = 0; cells.has && i < rows; i++) *(bool *)(cells.has + i * cells.has_stride) = false;
}

const char *weir_read_rows(const weir_row *row, void *rows, size_t count, wire_schema_t schema, wire_list_node_t nodes,
                           weir_invalid_rows *invalid) {
    for (size_t k = 0; k < row->count; k++) {
        weir_cells cells = weir_cells_of(&row->fields[k], row->size, rows);
        const char *name = weir_field_name(cells.field);
        long index = weir_column_index(schema, weir_text_of(name));
        if (index < 0) {
            weir_read_nothing(cells, count);
            continue;
        }
        size_t at = weir_column_start(schema, (size_t)index);
        if (at >= nodes.len) return too_little(cells.field);
        const char *why = weir_read_column(cells, (weir_column){schema.ptr + at, nodes.ptr + at}, count, name, invalid);
        if (why) return why;
    }
    return NULL;
}
