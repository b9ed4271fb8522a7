// Running a keyed operator in a test: the harness keeps states, maps and timers by key, as the host does.
#include "test.h"

#include <stdlib.h>

#define CALL (&weir_call_memory)

// The key of a given row; it is made if there is none.
static size_t key_of(weir_test *test, const weir_test_input *input, const void *given) {
    for (size_t i = 0; i < test->key_count; i++)
        if (weir_compare(&input->keys, test->keys[i].given, given) == 0) return i;
    test->keys = weir_test_more(test, test->keys, test->key_count, &test->key_room, sizeof *test->keys);
    void *copy = weir_arena_zeroed(&test->memory, input->row->size);
    memcpy(copy, given, input->row->size);
    weir_check_and_own(&input->keys, copy, &test->memory);
    test->keys[test->key_count] = (weir_test_key){copy, NULL};
    return test->key_count++;
}

// The keys of a call, each once, and the index of each row's key among them.
static wire_buffer_t keys_of_call(weir_test *test, const size_t *key_of_row, size_t count) {
    uint32_t *indices = weir_arena_alloc(CALL, count * sizeof *indices);
    test->keys_of_call = weir_arena_alloc(CALL, count * sizeof *test->keys_of_call);
    test->keys_of_call_count = 0;
    for (size_t row = 0; row < count; row++) {
        size_t at = 0;
        while (at < test->keys_of_call_count && test->keys_of_call[at] != key_of_row[row]) at++;
        if (at == test->keys_of_call_count) test->keys_of_call[test->keys_of_call_count++] = key_of_row[row];
        indices[row] = (uint32_t)at;
    }
    return (wire_buffer_t){(uint8_t *)indices, count * sizeof *indices};
}

static wire_states_t states_of_call(const weir_test *test) {
    void **slots = weir_arena_alloc(CALL, test->keys_of_call_count * sizeof *slots);
    for (size_t i = 0; i < test->keys_of_call_count; i++) slots[i] = test->keys[test->keys_of_call[i]].state;
    wire_states_t states = {(uint32_t)test->keys_of_call_count, weir_presence(slots, test->keys_of_call_count), {NULL, 0}};
    if (weir_write_states(test->connected.op->state, slots, test->keys_of_call_count, &states.columns)) abort();
    return states;
}

static void apply_states(weir_test *test, const exports_keyed_keyed_delta_t *answer) {
    void **slots;
    const weir_row *row = test->connected.op->state;
    if (weir_read_states(row, test->connected.state, &answer->states, &slots)) abort();
    for (size_t i = 0; i < answer->states.keys; i++) {
        size_t at = answer->changed.tag == WIRE_SELECTION_ALL ? i : ((const uint32_t *)answer->changed.val.indices.ptr)[i];
        test->keys[test->keys_of_call[at]].state = slots[i] ? weir_test_own(test, row, slots[i]) : NULL;
    }
}

static void remove_timer(weir_test *test, size_t at) { test->timers[at] = test->timers[--test->timer_count]; }

static void apply_timers(weir_test *test, const exports_keyed_list_timers_t *lists, bool add) {
    for (size_t i = 0; i < lists->len; i++) {
        const exports_keyed_timers_t *list = &lists->ptr[i];
        for (size_t k = 0; k < list->times.len / sizeof(int64_t); k++) {
            weir_clock clock = list->domain == EXPORTS_KEYED_TIME_DOMAIN_EVENT_TIME ? WEIR_WATERMARK : WEIR_WALL_CLOCK;
            weir_test_timer timer = {{((const int64_t *)list->times.ptr)[k], clock},
                                     test->keys_of_call[((const uint32_t *)list->keys.ptr)[k]]};
            for (size_t at = 0; at < test->timer_count; at++)
                if (test->timers[at].key == timer.key && test->timers[at].timer.time == timer.timer.time &&
                    test->timers[at].timer.clock == clock)
                    remove_timer(test, at--);
            if (!add) continue;
            test->timers = weir_test_more(test, test->timers, test->timer_count, &test->timer_room, sizeof *test->timers);
            test->timers[test->timer_count++] = timer;
        }
    }
}

static void apply(weir_test *test, size_t input, const void *rows, size_t count, const exports_keyed_keyed_delta_t *answer,
                  bool only_keys) {
    weir_test_apply(test, input, rows, answer->outputs.ptr, count, answer->rejected.ptr, answer->rejected.len, only_keys);
    apply_states(test, answer);
    weir_test_apply_maps(test, &answer->maps);
    apply_timers(test, &answer->timers.remove, false);
    apply_timers(test, &answer->timers.add, true);
}

void weir_test_keyed_process(weir_test *test, size_t at, const void *rows, size_t count) {
    const weir_test_input *input = &test->inputs[at];
    size_t *keys = weir_arena_alloc(CALL, count * sizeof *keys);
    for (size_t i = 0; i < count; i++) keys[i] = key_of(test, input, (const char *)rows + i * input->row->size);
    wire_buffer_t key_of_row = keys_of_call(test, keys, count);
    wire_states_t states = states_of_call(test);
    wire_batch_t batch = weir_test_batch(test, at, rows, count);
    exports_keyed_keyed_delta_t answer;
    wire_string_t error;
    if (weir_keyed_process(&test->connected, (uint32_t)at, &batch, key_of_row, &states, &test->now, &answer, &error))
        apply(test, at, rows, count, &answer, false);
    else
        weir_test_fail(test, error);
}

static int by_time(const void *a, const void *b) {
    const weir_test_timer *left = a, *right = b;
    int64_t x = left->timer.time, y = right->timer.time;
    return x != y ? (x > y) - (x < y) : (left->key > right->key) - (left->key < right->key);
}

// Takes the earliest timer of every key that is due.
static size_t take_due(weir_test *test, weir_clock clock, int64_t until, weir_test_timer *due) {
    size_t count = 0;
    if (test->timer_count > 0) qsort(test->timers, test->timer_count, sizeof *test->timers, by_time);
    for (size_t i = 0; i < test->timer_count; i++) {
        bool is_due = test->timers[i].timer.clock == clock && test->timers[i].timer.time <= until;
        for (size_t k = 0; k < count; k++) is_due &= due[k].key != test->timers[i].key;
        if (is_due) due[count++] = test->timers[i];
    }
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < test->timer_count; i++)
            if (test->timers[i].key == due[k].key && test->timers[i].timer.time == due[k].timer.time &&
                test->timers[i].timer.clock == clock)
                remove_timer(test, i--);
    return count;
}

void weir_test_advance(weir_test *test, weir_clock clock, int64_t time) {
    if (!test->connected.op) return;
    weir_test_begin(test);
    if (clock == WEIR_WALL_CLOCK)
        test->now.processing_time = time;
    else
        test->now.watermark = (wire_option_s64_t){true, time};
    const weir_test_input *input = &test->inputs[0];
    for (;;) {
        weir_test_timer *due = weir_arena_alloc(CALL, test->timer_count * sizeof *due);
        size_t count = take_due(test, clock, time, due), size = input->row->size;
        if (count == 0) return;
        size_t *keys = weir_arena_alloc(CALL, count * sizeof *keys);
        int64_t *times = weir_arena_alloc(CALL, count * sizeof *times);
        unsigned char *given = weir_arena_alloc(CALL, count * size);
        for (size_t i = 0; i < count; i++) {
            keys[i] = due[i].key;
            times[i] = due[i].timer.time;
            memcpy(given + i * size, test->keys[due[i].key].given, size);
        }
        exports_keyed_timers_t timers = {clock == WEIR_WATERMARK ? EXPORTS_KEYED_TIME_DOMAIN_EVENT_TIME
                                                                 : EXPORTS_KEYED_TIME_DOMAIN_PROCESSING_TIME,
                                         keys_of_call(test, keys, count),
                                         {(uint8_t *)times, count * sizeof *times}};
        wire_states_t states = states_of_call(test);
        wire_batch_t batch = {
            (uint32_t)count, weir_test_columns(input, &input->wire.keys, given, count, false), {NULL, 0}, {NULL, 0}};
        exports_keyed_keyed_delta_t answer;
        wire_string_t error;
        if (!weir_keyed_on_timer(&test->connected, &timers, &batch, &states, &test->now, &answer, &error)) {
            weir_test_fail(test, error);
            return;
        }
        apply(test, 0, given, count, &answer, true);
    }
}

const void *weir_test_state(const weir_test *test, const void *given) {
    for (size_t i = 0; i < test->key_count; i++)
        if (weir_compare(&test->inputs[0].keys, test->keys[i].given, given) == 0) return test->keys[i].state;
    return NULL;
}

size_t weir_test_state_count(const weir_test *test) {
    size_t count = 0;
    for (size_t i = 0; i < test->key_count; i++) count += test->keys[i].state != NULL;
    return count;
}

const weir_timer *weir_test_timers(const weir_test *test, size_t *count) {
    *count = test->timer_count;
    if (test->timer_count > 0) qsort(test->timers, test->timer_count, sizeof *test->timers, by_time);
    weir_timer *timers = weir_arena_alloc(CALL, test->timer_count * sizeof *timers);
    for (size_t i = 0; i < test->timer_count; i++) timers[i] = test->timers[i].timer;
    return timers;
}

void weir_test_migrate(weir_test *test, uint32_t from_version, const weir_row *row, const void *states, const void *given,
                       size_t count) {
    weir_test_begin(test);
    wire_states_t old = {(uint32_t)count, {NULL, 0}, {NULL, 0}};
    wire_list_node_t migrated;
    const char *why = weir_write_rows(row, states, NULL, count, CALL, &old.columns);
    if (!why) why = weir_migrate(&test->connected, from_version, weir_row_schema(row, CALL), &old, &migrated);
    wire_states_t now = {(uint32_t)count, {NULL, 0}, {NULL, 0}};
    if (!why) now.columns = migrated;
    void **slots;
    if (!why) why = weir_read_states(test->connected.op->state, test->connected.state, &now, &slots);
    if (why) weir_test_fail(test, weir_wire_string(weir_text_of(why)));
    for (size_t i = 0; !why && i < count; i++) {
        size_t key = key_of(test, &test->inputs[0], (const char *)given + i * test->inputs[0].row->size);
        test->keys[key].state = weir_test_own(test, test->connected.op->state, slots[i]);
    }
}
