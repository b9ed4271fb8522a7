// Writes members of structs as columns.
#include "column.h"

static bool has(weir_cells cells, const uint8_t *there, size_t row) {
    return (!there || there[row]) && (!cells.has || *(const bool *)(cells.has + row * cells.has_stride));
}

// Which rows have a value, a byte per row; NULL: all.
static const uint8_t *values_there(weir_cells cells, const uint8_t *there, size_t rows, weir_arena *arena) {
    if (!there && !cells.has) return NULL;
    size_t row = 0;
    while (row < rows && has(cells, there, row)) row++;
    if (row == rows) return NULL;
    uint8_t *flags = weir_arena_alloc(arena, rows);
    for (size_t i = 0; i < rows; i++) flags[i] = has(cells, there, i);
    return flags;
}

static wire_buffer_t bits_of(const uint8_t *flags, size_t stride, size_t rows, weir_arena *arena) {
    wire_buffer_t bits = {weir_arena_zeroed(arena, (rows + 7) / 8), (rows + 7) / 8};
    for (size_t i = 0; i < rows; i++) bits.ptr[i / 8] |= (uint8_t)((flags[i * stride] != 0) << (i % 8));
    return bits;
}

#define COPY(type)                    \
    for (size_t i = 0; i < rows; i++) \
    ((type *)to)[i] = !valid || valid[i] ? *(const type *)(cells.values + i * cells.stride) : (type)0

static void write_fixed(weir_cells cells, const uint8_t *valid, size_t width, size_t rows, uint8_t *to) {
    if (rows > 0 && !valid && cells.stride == width) {
        memcpy(to, cells.values, rows * width);
        return;
    }
    switch (width) {
    case 1: COPY(uint8_t); break;
    case 2: COPY(uint16_t); break;
    case 4: COPY(uint32_t); break;
    case 8: COPY(uint64_t); break;
    default:
        for (size_t i = 0; i < rows; i++)
            ((weir_decimal *)to)[i] =
                !valid || valid[i] ? *(const weir_decimal *)(cells.values + i * cells.stride) : (weir_decimal){0, 0};
    }
}

static const char *write_bytes(weir_cells cells, const uint8_t *valid, size_t rows, weir_arena *arena, wire_buffer_t *buffers) {
    uint64_t total = 0;
    for (size_t i = 0; i < rows; i++)
        if (!valid || valid[i]) total += ((const weir_text *)(cells.values + i * cells.stride))->size;
    if (total > INT32_MAX) return "a column of text or bytes is larger than 2 GiB";
    int32_t *offsets = weir_arena_array(arena, rows + 1, sizeof *offsets);
    uint8_t *bytes = weir_arena_alloc(arena, (size_t)total);
    size_t at = offsets[0] = 0;
    for (size_t i = 0; i < rows; i++) {
        const weir_text *text = (const weir_text *)(cells.values + i * cells.stride);
        if (!valid || valid[i]) {
            weir_copy(bytes + at, text->data, text->size);
            at += text->size;
        }
        offsets[i + 1] = (int32_t)at;
    }
    buffers[1] = (wire_buffer_t){(uint8_t *)offsets, (rows + 1) * sizeof *offsets};
    buffers[2] = (wire_buffer_t){bytes, (size_t)total};
    return NULL;
}

static const char *write_list(weir_cells cells, const uint8_t *valid, size_t rows, weir_arena *arena, wire_buffer_t *buffers,
                              wire_node_t **to) {
    size_t size = cells.field->row->size;
    uint64_t total = 0;
    for (size_t i = 0; i < rows; i++)
        if (!valid || valid[i]) total += ((const weir_list *)(cells.values + i * cells.stride))->size;
    if (total > INT32_MAX) return "a column of lists has more than 2^31 items";
    int32_t *offsets = weir_arena_array(arena, rows + 1, sizeof *offsets);
    unsigned char *items = weir_arena_array(arena, (size_t)total, size);
    size_t at = offsets[0] = 0;
    for (size_t i = 0; i < rows; i++) {
        const weir_list *list = (const weir_list *)(cells.values + i * cells.stride);
        if ((!valid || valid[i]) && list->size > 0) {
            memcpy(items + at * size, list->items, list->size * size);
            at += list->size;
        }
        offsets[i + 1] = (int32_t)at;
    }
    buffers[1] = (wire_buffer_t){(uint8_t *)offsets, (rows + 1) * sizeof *offsets};
    return weir_write_column(weir_cells_of(&cells.field->row->fields[0], size, items), NULL, (size_t)total, arena, to);
}

static const char *write_struct(weir_cells cells, const uint8_t *valid, size_t rows, weir_arena *arena, wire_node_t **to) {
    const weir_row *row = cells.field->row;
    for (size_t k = 0; k < row->count; k++) {
        const weir_field *field = &row->fields[k];
        weir_cells child = {field, cells.values + field->offset, cells.stride,
                            field->nullable ? cells.values + field->has_offset : NULL, cells.stride};
        const char *why = weir_write_column(child, valid, rows, arena, to);
        if (why) return why;
    }
    return NULL;
}

const char *weir_write_column(weir_cells cells, const uint8_t *there, size_t rows, weir_arena *arena, wire_node_t **to) {
    weir_kind kind = weir_field_kind(cells.field);
    const uint8_t *valid = values_there(cells, there, rows, arena);
    bool is_bytes = kind == WEIR_UTF8 || kind == WEIR_BINARY;
    size_t count = kind == WEIR_STRUCT ? 1 : is_bytes ? 3 : 2;
    wire_buffer_t *buffers = weir_arena_zeroed(arena, count * sizeof *buffers);
    wire_node_t *node = (*to)++;
    *node = (wire_node_t){(uint32_t)rows, 0, {buffers, count}};
    // Where a member is never null there may still be no row: its column holds zeros there.
    if (valid && cells.field->nullable) {
        for (size_t i = 0; i < rows; i++) node->null_count += !valid[i];
        buffers[0] = bits_of(valid, 1, rows, arena);
    }
    if (is_bytes) return write_bytes(cells, valid, rows, arena, buffers);
    if (kind == WEIR_LIST) return write_list(cells, valid, rows, arena, buffers, to);
    if (kind == WEIR_STRUCT) return write_struct(cells, valid, rows, arena, to);
    if (kind == WEIR_BOOL) {
        uint8_t *flags = weir_arena_alloc(arena, rows);
        write_fixed(cells, valid, 1, rows, flags);
        buffers[1] = bits_of(flags, 1, rows, arena);
        return NULL;
    }
    size_t width = weir_kind_width(kind);
    buffers[1] = (wire_buffer_t){weir_arena_array(arena, rows, width), rows * width};
    write_fixed(cells, valid, width, rows, buffers[1].ptr);
    return NULL;
}

const char *weir_write_rows(const weir_row *row, const void *rows, const uint8_t *there, size_t count, weir_arena *arena,
                            wire_list_node_t *to) {
    *to = (wire_list_node_t){NULL, 0};
    if (!row) return NULL;
    for (size_t k = 0; k < row->count; k++) to->len += weir_field_nodes(&row->fields[k]);
    wire_node_t *next = to->ptr = weir_arena_alloc(arena, to->len * sizeof *to->ptr);
    for (size_t k = 0; k < row->count; k++) {
        const char *why = weir_write_column(weir_cells_of(&row->fields[k], row->size, rows), there, count, arena, &next);
        if (why) return why;
    }
    return NULL;
}
