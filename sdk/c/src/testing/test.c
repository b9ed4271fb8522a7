// Opening a test, and running a transform in it.
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "../transform.h"

static int failures;

void weir_test_expect(bool holds, const char *condition, const char *file, int line) {
    if (holds) return;
    failures++;
    fprintf(stderr, "%s:%d: %s does not hold\n", file, line, condition);
}

int weir_test_end(void) { return failures > 0; }

void *weir_test_own(weir_test *test, const weir_row *row, const void *value) {
    void *copy = weir_arena_alloc(&test->memory, row ? row->size : 1);
    if (row) memcpy(copy, value, row->size);
    if (row) weir_check_and_own(row, copy, &test->memory);
    return copy;
}

void *weir_test_more(weir_test *test, void *array, size_t count, size_t *room, size_t size) {
    if (count < *room) return array;
    *room = *room ? 2 * *room : 16;
    return weir_arena_grow(&test->memory, array, count * size, *room * size);
}

static void open_input(weir_test *test, size_t at, const weir_given *given) {
    weir_test_input *input = &test->inputs[at];
    wire_schema_t schema = weir_row_schema(given->row, &test->memory);
    input->row = given->row;
    input->name = given->name ? given->name : "main";
    uint32_t *keys = weir_arena_alloc(&test->memory, WEIR_KEYS_MAX * sizeof *keys);
    weir_field *fields = weir_arena_alloc(&test->memory, WEIR_KEYS_MAX * sizeof *fields);
    size_t count = 0;
    for (; count < WEIR_KEYS_MAX && given->key_by[count]; count++) {
        long index = weir_column_index(schema, weir_text_of(given->key_by[count]));
        keys[count] = index < 0 ? 0 : (uint32_t)index;
        for (size_t i = 0; i < given->row->count; i++)
            if (strcmp(weir_field_name(&given->row->fields[i]), given->key_by[count]) == 0) fields[count] = given->row->fields[i];
        if (index < 0)
            test->error = weir_arena_string(&test->memory, "the rows have no column \"%s\" to be keyed by", given->key_by[count]);
    }
    input->keys = (weir_row){given->row->name, given->row->size, fields, count};
    input->wire =
        (wire_input_t){weir_wire_string(weir_text_of(input->name)), schema, {keys, count}, WIRE_CHANGELOG_MODE_INSERT_ONLY};
}

weir_test *weir_test_open_inputs(const weir_operator *op, const char *config, const weir_given *inputs, size_t count) {
    weir_test *test = calloc(1, sizeof *test);
    if (!test || count > WEIR_INPUTS_MAX) abort();
    weir_arena_reset(&weir_call_memory);
    weir_the_host = &weir_test_host;
    weir_test_forget_telemetry();
    bool is_keyed = op->on_timer || op->state || op->key || op->maps[0].name || inputs[0].key_by[0];
    test->world = op->accumulate ? WEIR_WORLD_AGGREGATE : is_keyed ? WEIR_WORLD_KEYED : WEIR_WORLD_TRANSFORM;
    wire_input_t wire[WEIR_INPUTS_MAX];
    for (size_t i = 0; i < count; i++) {
        open_input(test, i, &inputs[i]);
        wire[i] = test->inputs[i].wire;
    }
    wire_string_t error;
    weir_text text = weir_text_of(config ? config : "");
    if (!test->error && !weir_connect(&test->connected, op, test->world, text, wire, count, &test->plan, &error))
        weir_test_fail(test, error);
    test->last_table = &test->tables;
    return test;
}

weir_test *weir_test_open(const weir_operator *op, const char *config, weir_given given) {
    return weir_test_open_inputs(op, config, &given, 1);
}

void weir_test_close(weir_test *test) {
    weir_arena_free(&test->memory);
    free(test);
}

const char *weir_test_error(const weir_test *test) { return test->error; }

void weir_test_fail(weir_test *test, wire_string_t error) {
    test->error = weir_arena_string(&test->memory, "%.*s", (int)error.len, error.ptr);
}

void weir_test_forget(weir_test *test) {
    weir_arena_reset(&weir_call_memory);
    test->tables = NULL;
    test->last_table = &test->tables;
    test->refused = NULL;
    test->refused_count = 0;
    test->error = NULL;
    test->has_forgotten = true;
}

void weir_test_begin(weir_test *test) {
    if (!test->has_forgotten) weir_test_forget(test);
    test->has_forgotten = false;
    weir_test_running = test;
}

void weir_test_process(weir_test *test, const void *rows, size_t count) {
    weir_test_process_input(test, test->inputs[0].name, rows, count);
}

void weir_test_process_input(weir_test *test, const char *name, const void *rows, size_t count) {
    if (!test->connected.op) return;
    size_t input = 0;
    while (input < test->connected.input_count && strcmp(test->inputs[input].name, name) != 0) input++;
    weir_test_begin(test);
    if (test->world == WEIR_WORLD_KEYED) {
        weir_test_keyed_process(test, input, rows, count);
        return;
    }
    wire_batch_t batch = weir_test_batch(test, input, rows, count);
    exports_transform_transform_delta_t answer;
    wire_string_t error;
    if (weir_transform_process(&test->connected, (uint32_t)input, &batch, &answer, &error))
        weir_test_apply(test, input, rows, answer.outputs.ptr, count, answer.rejected.ptr, answer.rejected.len, false);
    else
        weir_test_fail(test, error);
}
