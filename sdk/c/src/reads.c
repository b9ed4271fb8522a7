// Finds the columns that an operator reads, and reads them.
#include "connect.h"

// The text of a member of the configuration, by its key.
static weir_text config_text(const weir_operator *op, const void *config, const char *member) {
    for (size_t i = 0; op->config && i < op->config->count; i++) {
        const weir_field *field = &op->config->fields[i];
        if (strcmp(field->name, member) != 0 || field->kind != WEIR_UTF8) continue;
        return *(const weir_text *)((const char *)config + field->offset);
    }
    return (weir_text){NULL, 0};
}

static int add(weir_reads *reads, size_t index, const wire_field_t *column) {
    for (size_t i = 0; i < reads->indices.len; i++)
        if (reads->indices.ptr[i] == index) return (int)i;
    // The nodes of the schema are the host's; the plan keeps its own.
    size_t nodes = weir_node_count(column);
    wire_field_t *own = weir_arena_alloc(&weir_plan_memory, nodes * sizeof *own);
    for (size_t i = 0; i < nodes; i++) {
        own[i] = column[i];
        own[i].name = weir_wire_string(weir_arena_text(&weir_plan_memory, column[i].name.ptr, column[i].name.len));
        own[i].format = weir_wire_string(weir_arena_text(&weir_plan_memory, column[i].format.ptr, column[i].format.len));
    }
    reads->fields[reads->indices.len] = own;
    reads->indices.ptr[reads->indices.len] = (uint32_t)index;
    return (int)reads->indices.len++;
}

static void make_room(weir_reads *reads, size_t more) {
    size_t count = reads->indices.len;
    reads->indices.ptr =
        weir_arena_grow(&weir_plan_memory, reads->indices.ptr, count * sizeof(uint32_t), (count + more) * sizeof(uint32_t));
    reads->fields =
        weir_arena_grow(&weir_plan_memory, reads->fields, count * sizeof *reads->fields, (count + more) * sizeof *reads->fields);
}

void weir_want_all(weir_reads *reads, wire_schema_t schema) {
    size_t count = weir_column_count(schema);
    make_room(reads, count);
    for (size_t i = 0; i < count; i++) add(reads, i, schema.ptr + weir_column_start(schema, i));
}

const char *weir_want(weir_reads *reads, weir_column_positions *positions, const weir_row *row, wire_schema_t schema,
                      const weir_operator *op, const void *config) {
    weir_arena *arena = &weir_plan_memory;
    positions->row = row;
    if (!row) return NULL;
    positions->at = weir_arena_alloc(arena, row->count * sizeof *positions->at);
    make_room(reads, row->count);
    for (size_t i = 0; i < row->count; i++) {
        const weir_field *field = &row->fields[i];
        positions->at[i] = -1;
        if (weir_field_is_metadata(field)) continue;
        weir_text name = field->column_from ? config_text(op, config, field->column_from) : weir_text_of(weir_field_name(field));
        if (!name.data)
            return weir_arena_string(arena, "member %s of struct %s: the configuration has no text %s", field->name, row->name,
                                     field->column_from);
        long index = weir_column_index(schema, name);
        if (index < 0)
            return weir_arena_string(arena, "there is no column \"%.*s\" (%s), which the operator reads; the input has %s",
                                     (int)name.size, name.data, weir_field_needs(field, arena), weir_listing(schema, arena));
        const wire_field_t *column = schema.ptr + weir_column_start(schema, (size_t)index);
        if (!weir_field_accepts(field, column))
            return weir_arena_string(arena, "column \"%.*s\" is %s, but the operator reads it as %s; the input has %s",
                                     (int)name.size, name.data, weir_type_name(column, arena), weir_field_needs(field, arena),
                                     weir_listing(schema, arena));
        positions->at[i] = add(reads, (size_t)index, column);
    }
    return NULL;
}

// The event times or the kinds of the rows.
static const char *read_metadata(weir_cells cells, const wire_batch_t *batch) {
    bool is_time = cells.field->as == WEIR_EVENT_TIME;
    wire_buffer_t from = is_time ? batch->event_times : batch->row_kinds;
    size_t width = is_time ? sizeof(int64_t) : 1;
    bool is_there = from.len >= batch->rows * width;
    if (is_time && !is_there) return "the host passed too few event times";
    for (size_t i = 0; i < batch->rows; i++) {
        unsigned char *to = cells.values + i * cells.stride;
        if (is_time)
            *(int64_t *)to = ((const int64_t *)from.ptr)[i];
        else
            *to = is_there ? from.ptr[i] : WEIR_INSERT;
    }
    return NULL;
}

const char *weir_read_member(weir_cells cells, int at, const weir_reads *reads, const wire_batch_t *batch,
                             weir_invalid_rows *invalid) {
    if (at < 0) return read_metadata(cells, batch);
    size_t node = 0;
    for (int i = 0; i < at; i++) node += weir_node_count(reads->fields[i]);
    if (node >= batch->columns.len) return "the host passed too few columns";
    weir_column column = {reads->fields[at], batch->columns.ptr + node};
    // The name ends with a zero, as all texts of an arena.
    return weir_read_column(cells, column, batch->rows, (const char *)column.fields->name.ptr, invalid);
}

const char *weir_read_positions(const weir_column_positions *positions, const weir_reads *reads, const wire_batch_t *batch,
                                void *rows, weir_invalid_rows *invalid) {
    for (size_t k = 0; positions->row && k < positions->row->count; k++) {
        const char *why = weir_read_member(weir_cells_of(&positions->row->fields[k], positions->row->size, rows),
                                           positions->at[k], reads, batch, invalid);
        if (why) return why;
    }
    return NULL;
}
