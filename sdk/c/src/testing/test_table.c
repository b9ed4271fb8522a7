// Given rows as columns of a call, and the rows that its outputs get.
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#define CALL (&weir_call_memory)

// The member of the given struct that is a column.
static const weir_field *member_of(const weir_test_input *input, uint32_t column) {
    uint32_t at = 0;
    for (size_t i = 0; i < input->row->count; i++)
        if (!weir_field_is_metadata(&input->row->fields[i]) && at++ == column) return &input->row->fields[i];
    abort();
}

static bool is_key(const weir_test_input *input, uint32_t column) {
    for (size_t i = 0; i < input->wire.keys.len; i++)
        if (input->wire.keys.ptr[i] == column) return true;
    return false;
}

// Appends the nodes of a column of some rows; all null, if it is not there.
static void write_given(const weir_test_input *input, uint32_t column, const void *rows, size_t count, bool is_there,
                        wire_node_t **to) {
    weir_cells cells = weir_cells_of(member_of(input, column), input->row->size, rows);
    weir_field nullable = *cells.field;
    if (!is_there) {
        nullable.nullable = true;
        cells.field = &nullable;
    }
    if (weir_write_column(cells, is_there ? NULL : weir_arena_zeroed(CALL, count), count, CALL, to)) abort();
}

wire_list_node_t weir_test_columns(const weir_test_input *input, const wire_list_u32_t *columns, const void *rows, size_t count,
                                   bool only_keys) {
    wire_list_node_t nodes = {NULL, 0};
    for (size_t i = 0; i < columns->len; i++) nodes.len += weir_field_nodes(member_of(input, columns->ptr[i]));
    wire_node_t *to = nodes.ptr = weir_arena_alloc(CALL, nodes.len * sizeof *nodes.ptr);
    for (size_t i = 0; i < columns->len; i++)
        write_given(input, columns->ptr[i], rows, count, !only_keys || is_key(input, columns->ptr[i]), &to);
    return nodes;
}

// The event times or kinds of given rows; empty if their struct has none.
static wire_buffer_t row_metadata(const weir_test_input *input, weir_kind kind, const void *rows, size_t count) {
    size_t width = kind == WEIR_EVENT_TIME ? sizeof(int64_t) : 1;
    for (size_t i = 0; i < input->row->count; i++) {
        if (input->row->fields[i].as != kind) continue;
        wire_buffer_t packed = {weir_arena_alloc(CALL, count * width), count * width};
        for (size_t k = 0; k < count; k++)
            memcpy(packed.ptr + k * width, (const char *)rows + k * input->row->size + input->row->fields[i].offset, width);
        return packed;
    }
    return (wire_buffer_t){NULL, 0};
}

wire_batch_t weir_test_batch(const weir_test *test, size_t at, const void *rows, size_t count) {
    const weir_test_input *input = &test->inputs[at];
    return (wire_batch_t){(uint32_t)count,
                          weir_test_columns(input, &test->connected.inputs[at].reads.indices, rows, count, false),
                          row_metadata(input, WEIR_EVENT_TIME, rows, count), row_metadata(input, WEIR_ROW_KIND, rows, count)};
}

// The input rows that a delta's rows come from, as an array of the given struct.
static void *sources_of(const wire_selection_t *rows, const void *given, size_t size, size_t rows_of_call, size_t *count) {
    *count = rows->tag == WIRE_SELECTION_ALL     ? rows_of_call
             : rows->tag == WIRE_SELECTION_EMPTY ? 0
                                                 : rows->val.indices.len / sizeof(uint32_t);
    unsigned char *sources = weir_arena_alloc(CALL, *count * size);
    for (size_t i = 0; i < *count; i++) {
        size_t row = rows->tag == WIRE_SELECTION_ALL ? i : ((const uint32_t *)rows->val.indices.ptr)[i];
        memcpy(sources + i * size, (const char *)given + row * size, size);
    }
    return sources;
}

static size_t nodes_of(const weir_test *test, const wire_output_column_t *column) {
    if (column->tag == WIRE_OUTPUT_COLUMN_COMPUTED) return column->val.computed.len;
    return weir_field_nodes(member_of(&test->inputs[column->val.kept.input], column->val.kept.column));
}

// Puts a delta's columns together: those that are kept, and those that are computed.
static void add_table(weir_test *test, size_t at, size_t output, const wire_delta_t *delta, const void *given,
                      size_t rows_of_call, bool only_keys) {
    const weir_test_input *input = &test->inputs[at];
    const wire_list_output_column_t *columns = &test->plan.outputs.ptr[output].columns;
    weir_test_table *table = weir_arena_zeroed(CALL, sizeof *table);
    size_t count, nodes = 0;
    void *sources = sources_of(&delta->rows, given, input->row->size, rows_of_call, &count);
    for (size_t i = 0; i < columns->len; i++) nodes += nodes_of(test, &columns->ptr[i]);
    wire_node_t *to = weir_arena_alloc(CALL, nodes * sizeof *to), *computed = delta->computed.ptr;
    wire_field_t *field = weir_arena_alloc(CALL, nodes * sizeof *field);
    table->output = output;
    table->schema = (wire_schema_t){field, nodes};
    table->batch = (wire_batch_t){(uint32_t)count, {to, nodes}, delta->event_times, delta->row_kinds};
    if (delta->event_times.len == 0) table->batch.event_times = row_metadata(input, WEIR_EVENT_TIME, sources, count);
    if (delta->row_kinds.len == 0) table->batch.row_kinds = row_metadata(input, WEIR_ROW_KIND, sources, count);
    for (size_t i = 0; i < columns->len; i++) {
        const wire_output_column_t *column = &columns->ptr[i];
        if (column->tag == WIRE_OUTPUT_COLUMN_COMPUTED) {
            for (size_t k = 0; k < column->val.computed.len; k++) {
                *field++ = column->val.computed.ptr[k];
                *to++ = *computed++;
            }
            continue;
        }
        const wire_kept_column_t *kept = &column->val.kept;
        bool is_there = kept->input == at && (!only_keys || is_key(input, kept->column));
        wire_field_t *own = field;
        weir_field_schema(member_of(&test->inputs[kept->input], kept->column), CALL, &field);
        if (kept->name.is_some) own->name = kept->name.val;
        if (kept->input == at)
            write_given(input, kept->column, sources, count, is_there, &to);
        else
            write_given(&test->inputs[kept->input], kept->column,
                        weir_arena_zeroed(CALL, count * test->inputs[kept->input].row->size), count, false, &to);
    }
    *test->last_table = table;
    test->last_table = &table->next;
}

void weir_test_apply(weir_test *test, size_t input, const void *rows, const wire_delta_t *deltas, size_t rows_of_call,
                     const wire_row_failure_t *rejected, size_t rejected_count, bool only_keys) {
    for (size_t i = 0; i < test->connected.output_count; i++)
        add_table(test, input, i, &deltas[i], rows, rows_of_call, only_keys);
    size_t before = test->refused_count;
    test->refused_count += rejected_count;
    weir_refusal *refused = weir_arena_alloc(CALL, test->refused_count * sizeof *refused);
    if (before > 0) memcpy(refused, test->refused, before * sizeof *refused);
    for (size_t i = 0; i < rejected_count; i++) {
        // In the order of the rows.
        size_t to = before + i;
        for (; to > before && refused[to - 1].row > rejected[i].row; to--) refused[to] = refused[to - 1];
        refused[to] =
            (weir_refusal){rejected[i].row, weir_arena_string(CALL, "%.*s", (int)rejected[i].reason.len, rejected[i].reason.ptr)};
    }
    test->refused = refused;
}

const weir_refusal *weir_test_refused(const weir_test *test, size_t *count) {
    *count = test->refused_count;
    return test->refused;
}

static void stop(const char *output, const char *why) {
    fprintf(stderr, "output \"%s\": %s\n", output, why);
    exit(1);
}

const void *weir_test_output(const weir_test *test, const char *output, const weir_row *row, size_t *count) {
    size_t at = 0, read = 0;
    *count = 0;
    while (at < test->connected.output_count && strcmp(test->connected.outputs[at].name, output) != 0) at++;
    if (at == test->connected.output_count) stop(output, test->error ? test->error : "there is none of this name");
    for (const weir_test_table *table = test->tables; table; table = table->next)
        if (table->output == at) *count += table->batch.rows;
    unsigned char *rows = weir_arena_zeroed(CALL, *count * row->size);
    for (const weir_test_table *table = test->tables; table; table = table->next) {
        if (table->output != at) continue;
        weir_reads reads = {0};
        weir_column_positions positions;
        weir_invalid_rows invalid = {CALL, table->batch.rows, NULL};
        weir_want_all(&reads, table->schema);
        const char *why = weir_want(&reads, &positions, row, table->schema, test->connected.op, test->connected.config);
        if (!why) why = weir_read_positions(&positions, &reads, &table->batch, rows + read * row->size, &invalid);
        for (size_t i = 0; !why && invalid.reasons && i < table->batch.rows; i++) why = invalid.reasons[i];
        if (why) stop(output, why);
        read += table->batch.rows;
    }
    return rows;
}
